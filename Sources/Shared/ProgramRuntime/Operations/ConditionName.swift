/// The name of a condition of `/readyz`, as callers, metrics and alerts see it. docs/operations.md lists them.
public struct ConditionName: Sendable, Equatable, CustomStringConvertible {
    public let description: String

    /// There is a session, and what is to be stored or recorded is taken.
    public static let postgres = ConditionName(description: "postgres")
    /// There is a session.
    public static let rabbitmq = ConditionName(description: "rabbitmq")
    /// The relay's: it takes messages and confirms them.
    public static let outputQueue = ConditionName(description: "output queue")
    /// The writer's: there are ids for what comes.
    public static let outboxPartitions = ConditionName(description: "outbox partitions")
    /// The writer's: no queue is left out because of its delivery limit.
    public static let deliveryLimits = ConditionName(description: "delivery limits")
    /// Nobody else holds what the program needs.
    public static let locks = ConditionName(description: "locks")
    /// Work that waits is done.
    public static let progress = ConditionName(description: "progress")

    /// The writer's, one for each input queue: it delivers.
    public static func queue(_ name: String) -> ConditionName { ConditionName(description: "queue \(name)") }
}
