public import AMQP
import Dispatch
import FoundationEssentials
import Glibc

/// RabbitMQ's management API, for what AMQP does not tell: which policy applies to a queue.
///
/// Spoken in plain HTTP/1.0, one question a connection.
public struct ManagementAPI: Sendable {
    /// Why there is no answer. Its description holds no password.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// The longest time for each step of a question.
    private static let limit = 5
    /// The longest answer, in bytes: some hundred are expected.
    private static let mostBytes = 1 << 20

    private let endpoint: AMQPEndpoint

    /// Whether others could read the password along: it leads to another machine.
    public var isExposed: Bool { endpoint.isExposed }

    /// Reads `http://user:password@host:port`, with user and password percent-encoded; nil for anything else.
    public init?(_ url: String) {
        let scheme = "http://"
        guard url.hasPrefix(scheme), let host = url.dropFirst(scheme.count).split(separator: "@").last,
            host.contains(":"), let endpoints = try? AMQPEndpoint.parse("amqp://" + url.dropFirst(scheme.count)),
            endpoints.count == 1
        else { return nil }
        endpoint = endpoints[0]
    }

    /// The policy that applies to a queue, with what an operator policy adds; nil if there is none.
    public func policy(of queue: String, virtualHost: String) async throws(Failure) -> DeliveryLimit.Policy? {
        let path = "/api/queues/\(Self.encoded(virtualHost))/\(Self.encoded(queue))"
        let answer = await withCheckedContinuation { continuation in
            DispatchQueue(label: "management").async { continuation.resume(returning: ask(path)) }
        }
        let body = try answer.get()
        guard let found = try? JSONDecoder().decode(Queue.self, from: Data(body)) else {
            throw Failure(description: "\(endpoint.host):\(endpoint.port) is no management API of RabbitMQ")
        }
        guard let name = found.policy ?? found.operator_policy else { return nil }
        return DeliveryLimit.Policy(name: name, limit: found.effective_policy_definition?.deliveryLimit)
    }

    /// What is wanted of its answer, by its names.
    private struct Queue: Decodable {
        struct Definition: Decodable {
            let deliveryLimit: Int?

            private enum Key: String, CodingKey {
                case deliveryLimit = "delivery-limit"
            }

            /// An empty one may be an array.
            init(from decoder: any Decoder) throws {
                let container = try? decoder.container(keyedBy: Key.self)
                deliveryLimit = try container?.decodeIfPresent(Int.self, forKey: .deliveryLimit)
            }
        }

        // swift-format-ignore: AlwaysUseLowerCamelCase
        let policy, operator_policy: String?
        // swift-format-ignore: AlwaysUseLowerCamelCase
        let effective_policy_definition: Definition?
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    // MARK: one question

    /// Blocks its thread.
    private func ask(_ path: String) -> Result<[UInt8], Failure> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(endpoint.host, "\(endpoint.port)", &hints, &found)
        guard status == 0 else { return .failure(failure(String(cString: gai_strerror(status)))) }
        defer { freeaddrinfo(found) }
        var last = failure("no address")
        for address in sequence(first: found, next: { $0?.pointee.ai_next }) {
            guard let address else { break }
            switch exchange(path, address.pointee) {
            case .success(let answer): return body(of: answer)
            case .failure(let error): last = error
            }
        }
        return .failure(last)
    }

    private func exchange(_ path: String, _ address: addrinfo) -> Result<[UInt8], Failure> {
        let file = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return .failure(failure(String(cString: strerror(errno)))) }
        defer { close(file) }
        var limit = timeval(tv_sec: Self.limit, tv_usec: 0)
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            setsockopt(file, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let login = Data("\(endpoint.user):\(endpoint.password)".utf8).base64EncodedString()
        let request = "GET \(path) HTTP/1.0\r\nHost: \(endpoint.host)\r\nAuthorization: Basic \(login)\r\n\r\n"
        guard connect(file, address.ai_addr, address.ai_addrlen) == 0,
            send(file, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count
        else { return .failure(failure(String(cString: strerror(errno)))) }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while answer.count < Self.mostBytes, case let count = recv(file, &buffer, buffer.count, 0), count > 0 {
            answer += buffer[..<count]
        }
        return .success(answer)
    }

    private func body(of answer: [UInt8]) -> Result<[UInt8], Failure> {
        let head = String(decoding: answer.prefix(16), as: UTF8.self).split(separator: " ")
        guard head.count > 1, head[0].hasPrefix("HTTP/1."), let end = answer.firstRange(of: Array("\r\n\r\n".utf8))
        else {
            return .failure(failure("no answer"))
        }
        guard head[1] == "200" else { return .failure(failure("status \(head[1].prefix(3))")) }
        return .success(Array(answer[end.upperBound...]))
    }

    private func failure(_ problem: String) -> Failure {
        Failure(description: "\(endpoint.host):\(endpoint.port): \(problem)")
    }
}
