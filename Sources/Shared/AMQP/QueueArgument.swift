/// An argument that a queue was declared with.
public struct QueueArgument: Sendable, Equatable {
    public enum Value: Sendable, Equatable {
        case number(Int64)
        case text(String)
    }

    /// As in `x-max-length`.
    public let name: String
    public let value: Value

    public init(name: String, value: Value) {
        self.name = name
        self.value = value
    }

    /// Reads RabbitMQ's complaint about a declaration: `inequivalent arg 'x-max-length' for queue 'q' in vhost '/':
    /// received none but current is the value '5' of type 'long'`, or, of the type of queue since RabbitMQ 4, `received 'classic'
    /// but current is 'quorum'`. Nil for any other text.
    init?(complaint: String) {
        guard let name = complaint.quoted(after: "inequivalent arg ") else { return nil }
        if let value = complaint.quoted(after: "but current is ") {
            self.init(name: name, value: .text(value))
            return
        }
        guard let value = complaint.quoted(after: "current is the value "),
            let type = complaint.quoted(after: "of type ")
        else { return nil }
        if type == "longstr" {
            self.init(name: name, value: .text(value))
        } else if let number = Int64(value) {
            self.init(name: name, value: .number(number))
        } else {
            return nil
        }
    }

    /// Why a queue with these arguments loses messages that it has confirmed, without telling anybody; empty if it does
    /// not.
    ///
    /// A length limit drops the oldest messages unless `x-overflow` says to reject new ones, and messages and queues may
    /// be given a time to live (RabbitMQ's guides "Queue Length Limit" and "Time-To-Live and Expiration").
    public static func losses(_ arguments: [QueueArgument]) -> [String] {
        func value(_ name: String) -> Value? { arguments.first { $0.name == name }?.value }
        var losses: [String] = []
        for limit in ["x-max-length", "x-max-length-bytes"] where !rejects(arguments) {
            guard let found = value(limit) else { continue }
            losses.append("\(limit) \(found) with overflow drop-head: the oldest messages are dropped")
        }
        if let found = value("x-message-ttl") { losses.append("x-message-ttl \(found) ms: older messages are dropped") }
        if let found = value("x-expires") {
            losses.append("x-expires \(found) ms: without a consumer the queue is deleted with its messages")
        }
        return losses
    }
}

extension QueueArgument {
    /// Whether a queue with these arguments refuses messages when it is full.
    public static func rejects(_ arguments: [QueueArgument]) -> Bool {
        arguments.contains {
            $0.name == "x-overflow" && [.text("reject-publish"), .text("reject-publish-dlx")].contains($0.value)
        }
    }
}

extension QueueArgument.Value: CustomStringConvertible {
    public var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .text(let text): text
        }
    }
}

extension String {
    /// What stands in single quotes behind the given words.
    fileprivate func quoted(after words: String) -> String? {
        guard let start = firstRange(of: words + "'") else { return nil }
        let rest = self[start.upperBound...]
        return rest.firstIndex(of: "'").map { String(rest[..<$0]) }
    }
}
