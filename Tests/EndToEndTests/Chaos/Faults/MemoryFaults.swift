import Glibc

/// Programs that get no more memory.
extension ChaosRound {
    /// One that is alone, so that everything comes to it, with no more memory than it has: the next large message ends it, as the
    /// kernel would where memory itself is short; or it sees that it can't connect, waits, and goes on. Then all are there again.
    func takeMemory(ofWriter: Bool) async throws -> Bool {
        let count = ofWriter ? writers.count : relays.count
        for program in ofWriter ? writers : relays { _ = try await end(program, by: SIGTERM) }
        let program = try await ofWriter ? startWriter() : startRelay()
        try await program.becomes(ready: true, within: .seconds(90))
        let before = program.log.count
        try await Self.limitMemory(of: program, to: "1")
        let isSeen = try await load.adding(.large) {
            try await happens { !program.isRunning || program.log.dropFirst(before).contains("unavailable") }
        }
        let isGood = try await endsWell(program)
        for index in 0..<count {
            if ofWriter { writers[index] = try await startWriter() } else { relays[index] = try await startRelay() }
        }
        return isSeen && isGood
    }

    /// By its own doing; or, if it lives, in good order once it has memory again.
    private func endsWell(_ program: Program) async throws -> Bool {
        if let exit = program.exit { return exit != .status(0) }
        try await Self.limitMemory(of: program, to: "unlimited")
        try await eventually("\(program.name) recovers, or has ended", within: .seconds(90)) {
            guard program.isRunning else { return true }
            return await program.isReady == true
        }
        if let exit = program.exit { return exit != .status(0) }
        return try await end(program, by: SIGTERM) == .status(0)
    }

    /// What it has it may keep and use again. The limit for data and not for address space, for with that the kernel lets malloc
    /// take into use what it has reserved.
    private static func limitMemory(of program: Program, to bytes: String) async throws {
        try await limit(program, "--data=\(bytes):", mayBeGone: true)
    }
}
