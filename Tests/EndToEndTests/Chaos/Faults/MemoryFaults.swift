import Glibc

/// Programs that get no more memory.
extension ChaosRound {
    /// One that is alone, so that everything comes to it, with no more memory than it has: the next large message ends it,
    /// as the kernel would where memory itself is short. Then all are there again.
    func takeMemory(ofWriter: Bool) async throws -> Bool {
        let count = ofWriter ? writers.count : relays.count
        for program in ofWriter ? writers : relays { _ = try await end(program, by: SIGTERM) }
        let program = try await ofWriter ? startWriter() : startRelay()
        try await program.becomes(ready: true, within: .seconds(90))
        try await Self.limitMemory(of: program)
        let isSeen = try await load.adding(.large) { try await happens { !program.isRunning } }
        program.kill(SIGKILL)
        let exit = try await program.ended(within: .seconds(60))
        for index in 0..<count {
            if ofWriter { writers[index] = try await startWriter() } else { relays[index] = try await startRelay() }
        }
        return isSeen && exit != .signal(SIGKILL) && exit != .status(0)
    }

    /// What it has it may keep and use again. The limit for data and not for address space, for with that the kernel lets malloc
    /// take into use what it has reserved.
    private static func limitMemory(of program: Program) async throws {
        let command = try await Program(path: "/usr/bin/prlimit", ["--pid", "\(program.pid)", "--data=1:"])
        guard try await command.ended() == .status(0) else { throw TooLate(description: "prlimit: \(command.log)") }
    }
}
