import Foundation
import Glibc
import Synchronization

/// A server on 127.0.0.1 that speaks PostgreSQL's protocol as a test wants it: right, wrong, or without end.
public final class FakePostgres: Sendable {
    /// Where it listens.
    public let port: Int
    private let listener: Int32
    private let counter = Counter()

    private final class Counter: Sendable {
        let bytes = Atomic(0)
    }

    /// How many bytes it got rid of, over all connections.
    public var sentBytes: Int { counter.bytes.load(ordering: .relaxed) }

    /// A URI for it.
    public var url: String { "postgresql://u@127.0.0.1:\(port)/d?sslmode=disable&gssencmode=disable" }

    /// - Parameter talk: talks with one client, on a thread of its own; the connection ends with it.
    public init(_ talk: @escaping @Sendable (FakeClient) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) + listen(listener, 64) + getsockname(listener, generic, &length)
            }
        }
        guard listener >= 0 && status == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        let counter = counter
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                Thread.detachNewThread {
                    talk(FakeClient(socket: client) { counter.bytes.add($0, ordering: .relaxed) })
                    close(client)
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}

/// One client of a ``FakePostgres``.
public struct FakeClient {
    let socket: Int32
    let sent: (Int) -> Void

    /// Sends bytes.
    /// - Returns: false when the client is gone.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent(count)
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Sends bytes again and again until the client is gone.
    public func sendForEver(_ bytes: [UInt8]) { while send(bytes) {} }

    private func read(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let part = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress! + got, count - got, 0) }
            guard part > 0 else { return nil }
            got += part
        }
        return bytes
    }

    private func length() -> Int? {
        read(4).map { $0.reduce(0) { $0 << 8 | Int($1) } - 4 }
    }

    /// Reads the client's first message.
    public func startup() -> Bool { length().flatMap { read($0) } != nil }

    /// Reads up to the next Sync or simple query; nil when the client is gone.
    /// - Returns: the types of the messages.
    public func nextRequest() -> [Character]? {
        var types: [Character] = []
        while let type = read(1)?.first, let length = length(), length == 0 || read(length) != nil {
            types.append(Character(Unicode.Scalar(type)))
            if type == UInt8(ascii: "S") || type == UInt8(ascii: "Q") { return types }
        }
        return nil
    }

    /// Answers as a server does until a session of ours is settled.
    public func welcome() -> Bool {
        guard startup(), send(FakeReply.welcome) else { return false }
        return nextRequest() != nil && send(FakeReply.settled)
    }
}

/// Messages of a server.
public enum FakeReply {
    public static func message(_ type: Character, _ body: [UInt8]) -> [UInt8] {
        [type.asciiValue ?? 0] + int4(Int32(body.count + 4)) + body
    }

    public static func int4(_ value: Int32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    public static func int2(_ value: Int16) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    public static func text(_ value: String) -> [UInt8] { Array(value.utf8) + [0] }

    public static func parameter(_ name: String, _ value: String) -> [UInt8] { message("S", text(name) + text(value)) }

    public static let ready = message("Z", [UInt8(ascii: "I")])

    /// Everything up to the first `ReadyForQuery`: the process is number 7.
    public static let welcome = [
        message("R", int4(0)), parameter("server_version", "15.0"), parameter("client_encoding", "UTF8"),
        message("K", int4(7) + int4(1)), ready,
    ].flatMap(\.self)

    public static func columns(_ names: [String]) -> [UInt8] {
        let fields = names.flatMap { name -> [UInt8] in
            let parts = [text(name), int4(0), int2(0), int4(25), int2(-1), int4(-1), int2(1)]
            return parts.flatMap(\.self)
        }
        return message("T", int2(Int16(names.count)) + fields)
    }

    public static func row(_ values: [[UInt8]?]) -> [UInt8] {
        let fields = values.flatMap { value -> [UInt8] in
            guard let value else { return int4(-1) }
            return int4(Int32(value.count)) + value
        }
        return message("D", int2(Int16(values.count)) + fields)
    }

    /// The answers to one statement.
    public static func answer(_ names: [String], _ rows: [[[UInt8]?]], tag: String = "SELECT 1") -> [UInt8] {
        let parts = [message("1", []), message("2", []), columns(names), rows.flatMap(row), message("C", text(tag))]
        return parts.flatMap(\.self)
    }

    /// The answer to the statement that settles a session.
    public static let settled =
        answer(
            ["a", "b", "c", "d", "e", "f", "g"],
            [[int4(7), Array("UTF8".utf8), [1], int4(0) + int4(1), nil, nil, Array("public".utf8)]]) + ready

    public static func error(_ code: String) -> [UInt8] {
        let parts = [text("SERROR"), text("VERROR"), text("C" + code), text("Mno"), [0]]
        return message("E", parts.flatMap(\.self))
    }
}
