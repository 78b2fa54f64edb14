import Foundation
import Glibc

/// PgBouncer between a test and its database.
public struct TestPooler: Sendable {
    /// What a client shares with others.
    public enum Mode: String, Sendable, CaseIterable { case session, transaction, statement }

    private static let program = "/usr/sbin/pgbouncer"
    /// Whether it is installed.
    public static var isThere: Bool { FileManager.default.isExecutableFile(atPath: program) }

    /// A URI for the database by way of the pooler.
    public let url: String

    /// Runs `body` with a pooler.
    /// - Parameters:
    ///   - dropsOptions: it takes the clients' `options` and drops them; else it refuses clients that have some.
    ///   - size: how many sessions with the server it has at most.
    public static func with(
        _ database: TestDatabase, _ mode: Mode, dropsOptions: Bool = true, size: Int = 20,
        _ body: (TestPooler) async throws -> Void
    ) async throws {
        guard let server = URLComponents(string: database.url) else { return }
        let folder = FileManager.default.temporaryDirectory.appending(path: "pooler-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = try SilentServer.unusedPort()
        let file = folder.appending(path: "pgbouncer.ini")
        try """
        [databases]
        * = host=\(server.host ?? "") port=\(server.port ?? 5432) user=\(server.user ?? "") password=\(server.password ?? "")
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = \(port)
        unix_socket_dir =
        auth_type = any
        pool_mode = \(mode.rawValue)
        default_pool_size = \(size)
        ignore_startup_parameters = \(dropsOptions ? "options" : "extra_float_digits")
        """.write(to: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = (geteuid() == 0 ? ["-u", "nobody"] : []) + ["-q", file.path()]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }
        var client = server
        (client.host, client.port) = ("127.0.0.1", port)
        while !TestPooler.answers(port) { try Task.checkCancellation() }
        try await body(TestPooler(url: client.string ?? ""))
    }

    private static func answers(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
