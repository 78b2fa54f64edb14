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

    /// Leaves a program no descriptor for a new connection, and ends its sessions. More than a second long, as that is how
    /// often libdispatch opens files of its own: see `DescriptorReserve`.
    func takeDescriptors(of program: Program) async throws -> Bool {
        try await program.becomes(ready: true, within: .seconds(90))
        try await Self.limitDescriptors(of: program, to: Self.fewDescriptors)
        _ = try await endSessions("application_name = 'candlepost \(program.name)'")
        let isSeen = try await happens { await program.get("/readyz")?.body.contains("Too many open files") ?? false }
        try await Task.sleep(for: .seconds(3))  // the fault itself
        try await Self.limitDescriptors(of: program, to: 1024)
        try await program.becomes(ready: true, within: .seconds(90))
        return isSeen
    }

    /// More than a program has open. It leaves so many free that none of these is for a connection, and some are
    /// for whoever asks how it does.
    static let fewDescriptors = 36

    /// Only the limit that holds now, so that it can be raised again.
    static func limitDescriptors(of program: Program, to count: Int) async throws {
        try await limit(program, "--nofile=\(count):", mayBeGone: false)
    }

    /// - Parameter mayBeGone: whether the program may have ended meanwhile.
    static func limit(_ program: Program, _ option: String, mayBeGone: Bool) async throws {
        let command = try await Program(path: "/usr/bin/prlimit", ["--pid", "\(program.pid)", option])
        guard try await command.ended() == .status(0) || (mayBeGone && !program.isRunning) else {
            throw TooLate(description: "prlimit: \(command.log)")
        }
    }

    /// The wall clock only: the kernel never moves the monotonic one.
    func jumpClock(ofWriter: Bool) async throws -> Bool {
        let jump = Bool.random(using: &random) ? 3600 : -3600
        return try await TemporaryFile.with(Self.noShift, ".clock") { file in
            let program = try await replaceOne(
                ofWriters: ofWriter,
                by: ["LD_PRELOAD": Self.clockLibrary, "CLOCK_SHIFT_FILE": file])
            try Self.shiftClock(by: jump, in: file)
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

    static var clockLibrary: String { "\(Spawner.testFolder)/libClockShift.so" }
    static let noShift = String(repeating: "\0", count: 8)

    /// In place, as the program has the file in its memory.
    static func shiftClock(by seconds: Int, in path: String) throws {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        defer { close(file) }
        var number = Int64(seconds)
        guard pwrite(file, &number, 8, 0) == 8 else { throw TooLate(description: "cannot write to \(path)") }
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
