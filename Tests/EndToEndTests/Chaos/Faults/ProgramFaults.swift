import Glibc

/// Faults of the programs themselves.
extension ChaosRound {
    func replaceWriter(_ signal: Int32) async throws -> Bool {
        let index = Int.random(in: 0..<writers.count, using: &random)
        let exit = try await end(writers[index], by: signal)
        writers[index] = try await startWriter()
        return exit == (signal == SIGKILL ? .signal(signal) : .status(0))
    }

    func replaceRelay(_ signal: Int32) async throws -> Bool {
        let index = Int.random(in: 0..<relays.count, using: &random)
        let exit = try await end(relays[index], by: signal)
        relays[index] = try await startRelay()
        return exit == (signal == SIGKILL ? .signal(signal) : .status(0))
    }

    func end(_ program: Program, by signal: Int32) async throws -> Program.Exit {
        // Before it has begun a signal ends it as it ends any program.
        try await eventually("\(program.name) has begun") { program.port != nil || !program.isRunning }
        program.kill(signal)
        return try await program.ended(within: .seconds(60))
    }

    func failpoint(ofWriter: Bool) async throws -> Bool {
        let names =
            ofWriter
            ? ["writer.received", "writer.before_commit", "writer.after_commit", "writer.after_ack"]
            : ["relay.claimed", "relay.published", "relay.confirmed", "relay.before_mark", "relay.marked"]
        let point = "\(names.randomElement(using: &random)!)@\(Int.random(in: 2...8, using: &random))"
        let settings = ["CANDLEPOST_FAILPOINT": point]
        let exit: Program.Exit
        if ofWriter {
            let index = writers.indices.randomElement(using: &random)!
            _ = try await end(writers[index], by: SIGTERM)
            writers[index] = try await startWriter(settings)
            exit = try await writers[index].ended(within: .seconds(60))
            writers[index] = try await startWriter()
        } else {
            // All go in good order: with one market only the relay that has its lane would ever come to the point.
            for relay in relays { _ = try await end(relay, by: SIGTERM) }
            exit = try await startRelay(settings).ended(within: .seconds(60))
            for index in relays.indices { relays[index] = try await startRelay() }
        }
        return exit == .signal(SIGKILL)
    }

    func stopAndContinueWriter() async throws -> Bool {
        let writer = writers.randomElement(using: &random)!
        writer.kill(SIGSTOP)
        _ = try await endSessions("application_name = 'candlepost writer'")
        try await Task.sleep(for: .seconds(2))  // the fault itself
        let isStopped = Self.state(of: writer.pid) == "T"
        writer.kill(SIGCONT)
        return isStopped
    }

    func stopAndContinueRelay(for time: Duration) async throws -> Bool {
        let program = relays.randomElement(using: &random)!
        program.kill(SIGSTOP)
        try await Task.sleep(for: time)  // the fault itself
        let isStopped = Self.state(of: program.pid) == "T"
        program.kill(SIGCONT)
        return isStopped
    }

    func sleepThroughItsEnd() async throws -> Bool {
        let sleeper = relays.randomElement(using: &random)!
        let other = try await startRelay()
        try await other.becomes(ready: true)
        sleeper.kill(SIGSTOP)
        let ended = try await endSessions("application_name = 'candlepost relay'")
        let count = world.gateway.distinctCount
        try await eventually("another relay takes over", within: .seconds(90)) {
            world.gateway.distinctCount >= count + 50
        }
        sleeper.kill(SIGCONT)
        return try await end(other, by: SIGTERM) == .status(0) && ended > 0
    }

    func join(_ program: Program) async throws -> Bool {
        try await program.becomes(ready: true)
        try await Task.sleep(for: .seconds(1))  // the fault itself
        return try await end(program, by: SIGTERM) == .status(0)
    }

    /// R running, S sleeping, T stopped.
    static func state(of pid: pid_t) -> Character? {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 512)
        guard fgets(&buffer, 512, file) != nil else { return nil }
        let line = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return line.split(separator: ")").last?.first { $0 != " " }
    }
}
