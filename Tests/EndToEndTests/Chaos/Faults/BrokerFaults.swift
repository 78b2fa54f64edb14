import AMQP

/// Faults of RabbitMQ as a whole.
extension ChaosRound {
    func closeBrokerConnections() async throws -> Bool {
        let before = logs
        try await Self.tellBroker(Self.closingConnections)
        try await eventually("it is noticed", within: .seconds(60)) { logs > before }
        return true
    }

    func memoryAlarm() async throws -> Bool {
        try await alarm(Self.raisingMemoryAlarm, Self.endingMemoryAlarm)
    }

    static let raisingMemoryAlarm = "vm_memory_monitor:set_vm_memory_high_watermark({absolute, 1000000})"
    static let endingMemoryAlarm = "vm_memory_monitor:set_vm_memory_high_watermark(0.4)"

    func diskAlarm() async throws -> Bool {
        try await alarm(
            "rabbit_disk_monitor:set_disk_free_limit(\"100000GB\")",
            "rabbit_disk_monitor:set_disk_free_limit(\"50MB\")")
    }

    private func alarm(_ raising: String, _ ending: String) async throws -> Bool {
        let isSeen = try await isOneRelayBlocked(by: raising, else: ending)
        try await linger()
        try await Self.tellBroker(ending)
        return isSeen
    }

    /// Raises an alarm, and ends it and tries again where no relay hears of it: only one that has something to publish is told, and
    /// collectors are blocked at the same moment.
    func isOneRelayBlocked(by raising: String, else ending: String) async throws -> Bool {
        try await isNoticed(
            raising,
            by: {
                for relay in relays where await relay.isReady == false { return true }
                return false
            }, else: ending)
    }

    /// Tells RabbitMQ something that relays may not notice, for want of something to publish. Then it takes it back, and tries again.
    private func isNoticed(_ fault: String, by condition: () async -> Bool, else end: String) async throws -> Bool {
        for _ in 0..<5 {
            try await Self.tellBroker(fault)
            if try await happens(within: .seconds(5), condition) { return true }
            try await Self.tellBroker(end)
            try await goOn(for: 20)
        }
        return false
    }

    /// With the connections closed, for the broker asks again only now and then whether those there are may go on.
    func withdrawPermissions(toRead read: String, toWrite write: String) async throws -> Bool {
        let (host, user) = (world.host.name, world.host.endpoint.user)
        let name = "<<\"\(user)\">>, <<\"\(host)\">>"
        let withdrawing =
            read.isEmpty
            ? "rabbit_auth_backend_internal:clear_permissions(\(name), <<\"chaos\">>)"
            : Self.setting(name, configure: "", write: write, read: read)
        let giving = Self.setting(name, configure: ".*", write: ".*", read: ".*")
        let isSeen = try await isNoticed(
            "begin \(withdrawing), \(Self.closingConnections) end",
            by: {
                for relay in relays where await says(relay, ["403", "530"]) { return true }
                return false
            }, else: giving)
        try await linger()
        try await Self.tellBroker(giving)
        try await allBecomeReady()
        return isSeen
    }

    private static func setting(_ name: String, configure: String, write: String, read: String) -> String {
        """
        rabbit_auth_backend_internal:set_permissions(\(name), <<"\(configure)">>, <<"\(write)">>, <<"\(read)">>, \
        <<"chaos">>)
        """
    }

    func stopBrokerApplication() async throws -> Bool {
        try await Self.tellBroker("rabbit:stop()")
        for program in writers + relays { try await program.becomes(ready: false, within: .seconds(90)) }
        let isNamed = await (relays[0].get("/readyz")?.body.contains("rabbitmq: ") ?? false)
        try await linger()
        try await Self.tellBroker("rabbit:start()")
        return isNamed
    }
}
