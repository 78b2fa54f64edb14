import Glibc
import Synchronization

/// One run of a program, from its start to its end.
final class Program: Sendable {
    /// The programs under test.
    enum Name: String {
        case writer, relay, console
    }

    /// How it ended.
    enum Exit: Equatable, Sendable {
        case status(Int32)
        case signal(Int32)
    }

    private struct State {
        var output = ""
        var errors = ""
        var exit: Exit?
    }

    /// Its file's name.
    let name: String
    let pid: pid_t
    private let state = Mutex(State())

    /// Starts one of the programs.
    /// - Parameter folder: where they are, if they are others than those under test.
    convenience init(
        _ name: Name, _ arguments: [String] = [], environment: [String: String] = [:], input: Int32? = nil,
        from folder: String? = nil
    ) async throws {
        try await self.init(
            path: "\(folder ?? Spawner.buildFolder)/\(name.rawValue)", arguments, environment: environment,
            input: input)
    }

    /// Starts a program with these arguments and environment variables, and no others.
    /// - Parameter input: a descriptor for its standard input, closed by this call; nil for an empty one.
    init(
        path: String, _ arguments: [String] = [], environment: [String: String] = [:], input: Int32? = nil
    ) async throws {
        name = String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...])
        let child = try await Spawner.shared.spawn(path, arguments, environment: environment, input: input)
        pid = child.pid
        child.onText(
            output: { [weak self] text in self?.state.withLock { $0.output += text } },
            errors: { [weak self] text in self?.state.withLock { $0.errors += text } },
            exit: { exit in self.state.withLock { $0.exit = exit } })
    }

    // MARK: its end

    /// Sends a signal, unless the program has ended.
    func kill(_ signal: Int32) {
        state.withLock { state in
            // Under the lock: as long as nobody has collected its status, the number is still this process's.
            if state.exit == nil { _ = Glibc.kill(pid, signal) }
        }
    }

    /// How it ended; nil while it runs.
    var exit: Exit? { state.withLock { $0.exit } }
    var isRunning: Bool { exit == nil }

    /// Waits for its end.
    @discardableResult
    func ended(within limit: Duration = .seconds(30)) async throws -> Exit {
        var exit: Exit?
        try await eventually("\(name) (process \(pid)) ends", within: limit) {
            exit = self.exit
            return exit != nil
        }
        return exit!
    }

    /// `kill -9`, and waits until it is gone.
    func killNow() async throws {
        kill(SIGKILL)
        try await ended()
    }

    // MARK: what it says

    /// All of its standard output.
    var output: String { state.withLock { $0.output } }
    /// All of its standard error: the log.
    var log: String { state.withLock { $0.errors } }

    /// The last lines of the log; of a crash, how it began.
    func logEnd(lines: Int = 30) -> String {
        let all = log.split(separator: "\n")
        let beginnings = ["*** ", "Fatal error", "AddressSanitizer: ", "ThreadSanitizer: "]
        guard let crash = all.firstIndex(where: { line in beginnings.contains { line.contains($0) } }) else {
            return all.suffix(lines).joined(separator: "\n")
        }
        return all[max(0, crash - 10)...].prefix(3 * lines).joined(separator: "\n")
    }

    // MARK: its HTTP endpoint

    /// The port that it says it listens on.
    var port: UInt16? {
        guard let start = log.firstRange(of: "\"http.address\":\"127.0.0.1:")?.upperBound else { return nil }
        return UInt16(log[start...].prefix { $0.isNumber })
    }

    /// Asks its HTTP endpoint; nil when nobody answers.
    func get(_ path: String) async -> HTTPReply? {
        guard isRunning, let port else { return nil }
        return await HTTPReply.get(path, port: port)
    }

    /// Whether `/readyz` says so; nil when nobody answers.
    var isReady: Bool? {
        get async { await get("/readyz").map { $0.status == 200 } }
    }

    /// Waits until `/readyz` says ready, or not.
    func becomes(ready: Bool, within limit: Duration = .seconds(60)) async throws {
        try await eventually("\(name) is \(ready ? "" : "not ")ready", within: limit) {
            if let exit { throw TooLate(description: "\(name) ended with \(exit):\n\(logEnd())") }
            return await isReady == ready
        }
    }

    /// The sum of a metric over all labels that contain these words; nil when it can't be asked.
    func metric(_ name: String, _ words: String...) async -> Double? {
        guard let reply = await get("/metrics") else { return nil }
        let lines = reply.body.split(separator: "\n").filter { line in
            line.hasPrefix(name) && words.allSatisfy { line.contains($0) }
        }
        return lines.reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
    }
}
