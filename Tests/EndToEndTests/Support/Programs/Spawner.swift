import Dispatch
import EventLoop
import Foundation

/// Starts processes that end with this one, whatever ends it.
///
/// The kernel kills such a child when the thread that started it ends; so all are started on one thread that never does.
actor Spawner {
    static let shared = Spawner()

    /// The folder of the two programs: beside the test binary, unless TEST_PROGRAMS names another build of them.
    static let buildFolder = getenv("TEST_PROGRAMS").map { String(cString: $0) } ?? testFolder

    /// The test binary's.
    static let testFolder: String = {
        let binary = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return binary.lastIndex(of: "/").map { String(binary[..<$0]) } ?? "."
    }()

    /// What every process gets; of this one's variables only those that say how a sanitizer is to work.
    private static let common: [String: String] = {
        var common = ["PATH": "/usr/bin:/bin"]
        for name in ["ASAN_OPTIONS", "TSAN_OPTIONS", "LD_PRELOAD"] {
            common[name] = getenv(name).map { String(cString: $0) }
        }
        return common
    }()

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let thread: PollThread

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private init() {
        do { thread = try PollThread(name: "spawner") } catch { fatalError("\(error)") }
    }

    func spawn(
        _ path: String, _ arguments: [String], environment: [String: String], input: Int32?
    ) throws -> Child {
        let (output, errors) = (try Pipe(), try Pipe())
        let input = input ?? open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { for end in [input, output.writer, errors.writer] { close(end) } }
        let variables = environment.merging(Self.common) { given, _ in given }
        let command = ["setpriv", "--pdeathsig", "KILL", path] + arguments
        do {
            let pid = try Self.start(
                command, variables.map { "\($0)=\($1)" }, streams: [input, output.writer, errors.writer])
            return Child(pid: pid, output: output.reader, errors: errors.reader)
        } catch {
            for end in [output.reader, errors.reader] { close(end) }
            throw error
        }
    }

    private struct Pipe {
        let reader: Int32
        let writer: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw Failure(description: "out of pipes") }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            (reader, writer) = (ends[0], ends[1])
        }
    }

    private static func start(_ command: [String], _ environment: [String], streams: [Int32]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, stream) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, stream, Int32(number))
        }
        // Not every library here closes what it opens for its children; a program would have fewer descriptors left.
        for number in Int32(streams.count)..<1024 { posix_spawn_file_actions_addclose(&actions, number) }
        var pid: pid_t = 0
        let status = withCStrings(command) { argv in
            withCStrings(environment) { envp in posix_spawnp(&pid, command[0], &actions, nil, argv, envp) }
        }
        guard status == 0 else {
            throw Failure(description: "cannot start \(command): \(String(cString: strerror(status)))")
        }
        return pid
    }

    private static func withCStrings<R>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    }
}

/// A process that was started, before anybody listens to it.
struct Child: Sendable {
    let pid: pid_t
    fileprivate let output: Int32
    fileprivate let errors: Int32

    /// Reads what it says to the end and then collects its status, so that it never stays as a zombie.
    func onText(
        output onOutput: @escaping @Sendable (String) -> Void, errors onErrors: @escaping @Sendable (String) -> Void,
        exit onExit: @escaping @Sendable (Program.Exit) -> Void
    ) {
        let group = DispatchGroup()
        for (descriptor, take) in [(output, onOutput), (errors, onErrors)] {
            DispatchQueue(label: "child-\(pid)").async(group: group) { Self.read(descriptor, take) }
        }
        group.notify(queue: DispatchQueue(label: "child-\(pid)")) { [pid] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            onExit(status & 0x7f == 0 ? .status((status >> 8) & 0xff) : .signal(status & 0x7f))
        }
    }

    private static func read(_ descriptor: Int32, _ take: (String) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 || (count < 0 && errno == EINTR) else { break }
            if count > 0 { take(String(decoding: buffer[..<count], as: UTF8.self)) }
        }
        close(descriptor)
    }
}
