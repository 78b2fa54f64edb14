import TestSupport

/// Faults of the network, made by the proxies.
extension ChaosRound {
    func threeTimes(_ fault: () async throws -> Bool) async throws -> Bool {
        var isSeen = true
        for _ in 0..<3 {
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...700, using: &random)))  // a random moment
            isSeen = try await fault() && isSeen
        }
        return isSeen
    }

    func cut(_ proxy: TestProxy) async throws -> Bool {
        let before = logs
        proxy.cut()
        try await eventually("the cut is noticed", within: .seconds(60)) { logs > before }
        for program in writers + relays { try await program.becomes(ready: true, within: .seconds(60)) }
        return true
    }

    func halfOpen(_ proxy: TestProxy) async throws -> Bool {
        let before = logs
        proxy.forget()
        try await eventually("the silence is noticed", within: .seconds(90)) { logs > before }
        return true
    }

    /// Of one writer, in the middle of its commit.
    func loseCommit(_ half: TestProxy.Half) async throws -> Bool {
        let before = (databaseProxy!.trappedCount, logs)
        databaseProxy!.cut(at: "commit\0", losing: half)
        try await eventually("a commit is cut", within: .seconds(60)) {
            databaseProxy!.trappedCount > before.0 && logs > before.1
        }
        databaseProxy!.forwardFreely()
        return true
    }

    func slowNetwork() async throws -> Bool {
        let delay = Duration.milliseconds(Int.random(in: 20...80, using: &random))
        for proxy in [databaseProxy!, brokerProxy!] { proxy.slowDown(delay: delay, bytesPerSecond: 200_000) }
        let before = world.gateway.distinctCount
        try await Task.sleep(for: .seconds(2))  // the fault itself
        try await eventually("something moves", within: .seconds(60)) { world.gateway.distinctCount > before }
        for proxy in [databaseProxy!, brokerProxy!] { proxy.forwardFreely() }
        return true
    }

    /// At a byte that is hardly ever the end of anything.
    func stall(_ proxy: TestProxy) async throws -> Bool {
        proxy.stall(after: Int.random(in: 1...3000, using: &random))
        try await Task.sleep(for: .seconds(2))  // the fault itself
        let before = world.gateway.distinctCount
        try await Task.sleep(for: .milliseconds(200))
        let isStill = world.gateway.distinctCount == before
        proxy.forwardFreely()
        return isStill
    }
}
