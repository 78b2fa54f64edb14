import FoundationEssentials
import Glibc

/// What the machine withholds from a program, or tells it wrongly.
extension ChaosRound {
    /// Puts another program in the place of one, in good order, and waits until it is ready.
    func replaceOne(ofWriters: Bool, by settings: [String: String]) async throws -> Program {
        let index = Int.random(in: 0..<(ofWriters ? writers.count : relays.count), using: &random)
        _ = try await end((ofWriters ? writers : relays)[index], by: SIGTERM)
        let program = try await ofWriters ? startWriter(settings) : startRelay(settings)
        if ofWriters { writers[index] = program } else { relays[index] = program }
        try await program.becomes(ready: true, within: .seconds(90))
        return program
    }

    /// Leaves a program one descriptor, for whoever asks how it does, and ends its sessions: a connection wants three.
    func takeDescriptors(of program: Program) async throws -> Bool {
        try await program.becomes(ready: true, within: .seconds(90))
        let before = program.log.count
        try await Self.limitDescriptors(of: program, to: 4)
        _ = try await endSessions("application_name = 'candlepost \(program.name)'")
        try await eventually("\(program.name) notices", within: .seconds(60)) {
            program.log.dropFirst(before).contains("unavailable")
        }
        let isSeen = try await happens {
            try await Self.limitDescriptors(of: program, to: Self.secondFreeDescriptor(of: program))
            return await program.get("/readyz")?.body.contains("Too many open files") ?? false
        }
        try await Self.limitDescriptors(of: program, to: 1024)
        try await program.becomes(ready: true, within: .seconds(90))
        return isSeen
    }

    private static func secondFreeDescriptor(of program: Program) throws -> Int {
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(program.pid)/fd")
        let open = Set(files.compactMap { Int($0) })
        let free = (0...open.count + 1).filter { !open.contains($0) }
        return free[1]
    }

    /// Only the limit that holds now, so that it can be raised again.
    private static func limitDescriptors(of program: Program, to count: Int) async throws {
        let command = try await Program(path: "/usr/bin/prlimit", ["--pid", "\(program.pid)", "--nofile=\(count):"])
        guard try await command.ended() == .status(0) else { throw TooLate(description: "prlimit: \(command.log)") }
    }

    static let fakeClock = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"

    /// The wall clock only: the kernel never moves the monotonic one.
    func jumpClock(ofWriter: Bool) async throws -> Bool {
        let jump = Bool.random(using: &random) ? 3600 : -3600
        return try await TemporaryFile.with("+0\n", ".clock") { file in
            let program = try await replaceOne(
                ofWriters: ofWriter,
                by: [
                    "LD_PRELOAD": Self.fakeClock, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                ])
            try Data("\(jump > 0 ? "+" : "-")3600\n".utf8).write(to: URL(filePath: file))
            let before = program.log.count
            _ = try await endSessions("application_name = 'candlepost \(program.name)'")
            try await eventually("\(program.name) notices", within: .seconds(60)) {
                program.log.dropFirst(before).contains("unavailable")
            }
            try await program.becomes(ready: true, within: .seconds(90))
            let isSeen = Self.isStamped(String(program.log.dropFirst(before)), shiftedBy: jump)
            // The file goes with this call, and the program with it.
            _ = try await replaceOne(program)
            return isSeen
        }
    }

    /// In good order, by one as it was at first.
    private func replaceOne(_ program: Program) async throws -> Bool {
        guard try await end(program, by: SIGTERM) == .status(0) else { return false }
        if let index = writers.firstIndex(where: { $0 === program }) { writers[index] = try await startWriter() }
        if let index = relays.firstIndex(where: { $0 === program }) { relays[index] = try await startRelay() }
        return true
    }

    /// Whether a line of the log has a time so far from now.
    private static func isStamped(_ log: String, shiftedBy seconds: Int) -> Bool {
        // To the hour is enough: the minutes pass meanwhile.
        let hours = [-60, 0].map { offset in
            var moment = time_t(time(nil) + seconds + offset)
            var parts = tm()
            gmtime_r(&moment, &parts)
            return parts.tm_hour
        }
        return hours.contains { log.contains("T\($0 < 10 ? "0" : "")\($0):") }
    }
}
