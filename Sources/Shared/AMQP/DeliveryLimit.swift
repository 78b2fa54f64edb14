/// After how many returns a queue drops a message, as its consumer can know it. Does no I/O.
///
/// Every lost connection returns what it held. A queue that drops (or hands to a dead-letter exchange) what came back too often
/// says so to nobody.
public enum DeliveryLimit: Sendable, Equatable {
    /// Where a limit comes from.
    public enum Origin: Sendable, Equatable {
        /// RabbitMQ 4 has one for quorum queues that have none of their own. The policy is one that applies without saying
        /// anything of it.
        case server(policy: String?)
        /// The queue was declared with it.
        case argument
        /// This policy sets it.
        case policy(String)
    }

    /// A policy that applies to the queue.
    public struct Policy: Sendable, Equatable {
        public let name: String
        /// Its `delivery-limit`.
        public let limit: Int?

        public init(name: String, limit: Int?) {
            self.name = name
            self.limit = limit
        }
    }

    /// It drops nothing, or only after more returns than there will ever be.
    case none
    case drops(after: Int, Origin)
    /// The queue's type and arguments could not be seen.
    case unknown

    /// From so many on, a limit is as good as none.
    public static let harmless = 1000

    /// - Parameters:
    ///   - server: the first number of the broker's version.
    ///   - arguments: what the queue was declared with; nil if that is not known.
    ///   - policy: nil if there is none, or none is known.
    public init(server: Int, arguments: [QueueArgument]?, policy: Policy?) {
        guard let arguments else {
            self = server >= 4 ? .unknown : .none  // older ones have a limit only where somebody asked for one
            return
        }
        func value(_ name: String) -> QueueArgument.Value? { arguments.first { $0.name == name }?.value }
        guard value("x-queue-type") == .text("quorum") else {
            self = .none
            return
        }
        var own: Int?
        if case .number(let number) = value("x-delivery-limit") { own = Int(number) }
        self = Self.limit(server: server, own: own, policy: policy)
    }

    private static func limit(server: Int, own: Int?, policy: Policy?) -> DeliveryLimit {
        // RabbitMQ 4 takes a negative one for none, unless a policy says more; older ones take it for zero.
        func returns(_ limit: Int) -> Int { server >= 4 && limit < 0 ? .max : max(limit, 0) }
        let byArgument = own.map(returns)
        let byPolicy = policy?.limit.map(returns)
        let limit = min(byArgument ?? .max, byPolicy ?? .max)
        if byArgument == nil && byPolicy == nil {
            return server >= 4 ? .drops(after: 20, .server(policy: policy?.name)) : .none
        }
        guard limit < harmless else { return .none }
        return .drops(after: limit, byPolicy == limit ? .policy(policy?.name ?? "") : .argument)
    }
}

extension DeliveryLimit {
    /// What an operator should know of it, and the command that mends it; nil if there is nothing to say.
    public func warning(queue: String, virtualHost: String) -> String? {
        switch self {
        case .none: nil
        case .unknown:
            "this account may not see with what it was declared: if it is a quorum queue of RabbitMQ 4, it drops a message after "
                + "20 returns unless it was told otherwise"
        case .drops(let limit, let origin):
            "drops a message after \(limit) \(limit == 1 ? "return" : "returns"), lost connections among them, "
                + Self.cause(origin) + ". To mend it: " + Self.remedy(origin, queue, virtualHost)
        }
    }

    private static func cause(_ origin: Origin) -> String {
        switch origin {
        case .server: "as RabbitMQ 4 does unless it is told otherwise"
        case .argument: "as it was declared with x-delivery-limit"
        case .policy(let name): "as the policy \(name) says"
        }
    }

    private static func remedy(_ origin: Origin, _ queue: String, _ virtualHost: String) -> String {
        let vhost = virtualHost == "/" ? "" : "--vhost \(shell(virtualHost)) "
        switch origin {
        case .server(let policy?):
            return #"add "delivery-limit":1000000 to the policy \#(policy), which applies to it"#
        case .server(nil):
            let pattern = "^" + queue.replacing(".", with: "[.]") + "$"
            return "rabbitmqctl set_policy \(vhost)--apply-to queues \(shell(queue)) \(shell(pattern)) "
                + #"'{"delivery-limit":1000000}'"#
        case .argument:
            return "rabbitmqctl delete_queue \(vhost)\(shell(queue)) --if-empty, and declare it without a limit"
        case .policy(let name):
            return "set its delivery-limit to 1000000, or rabbitmqctl clear_policy \(vhost)\(shell(name))"
        }
    }

    /// For a shell: in quotes where there is anything but plain characters.
    private static func shell(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return isPlain && !text.isEmpty ? text : "'" + text.replacing("'", with: #"'\''"#) + "'"
    }
}
