import Glibc

/// A TCP server on 127.0.0.1 that takes connections and never says a word: the kernel completes the handshake.
public struct SilentServer: ~Copyable {
    private let descriptor: Int32
    /// Where it listens.
    public let port: Int

    /// - Throws: when the socket cannot be made.
    public init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) + listen(descriptor, 16) + getsockname(descriptor, generic, &length)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard descriptor >= 0 && status == 0 else { throw SetupError(code: errno) }
    }

    deinit { close(descriptor) }

    /// Whether somebody has connected.
    public var hasCaller: Bool {
        var caller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&caller, 1, 0) == 1
    }

    /// A port where nobody listens: one that was free a moment ago.
    public static func unusedPort() throws -> Int { try SilentServer().port }

    private struct SetupError: Error {
        let code: Int32
    }
}
