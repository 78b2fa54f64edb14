import Testing

@testable import AMQP

/// Each case was tried on RabbitMQ 3.10.8, 4.0.5 and 4.3.6.
@Suite("After how many returns a queue drops a message") struct DeliveryLimitTests {
    private static let quorum = QueueArgument(name: "x-queue-type", value: .text("quorum"))

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let server: Int
        var own: Int64?
        var policy: DeliveryLimit.Policy?
        let expected: DeliveryLimit
    }

    private static func policy(_ limit: Int?) -> DeliveryLimit.Policy { DeliveryLimit.Policy(name: "p", limit: limit) }

    static let cases = [
        Case(testDescription: "4, nothing said", server: 4, expected: .drops(after: 20, .server(policy: nil))),
        Case(testDescription: "4, none", server: 4, own: -1, expected: .none),
        Case(testDescription: "4, five", server: 4, own: 5, expected: .drops(after: 5, .argument)),
        Case(testDescription: "4, a high policy", server: 4, policy: policy(1_000_000), expected: .none),
        Case(
            testDescription: "4, none, and a policy", server: 4, own: -1, policy: policy(5),
            expected: .drops(after: 5, .policy("p"))),
        Case(
            testDescription: "4, five, and a high policy", server: 4, own: 5, policy: policy(1_000_000),
            expected: .drops(after: 5, .argument)),
        Case(
            testDescription: "4, a policy about other things", server: 4, policy: policy(nil),
            expected: .drops(after: 20, .server(policy: "p"))),
        Case(testDescription: "3, nothing said", server: 3, expected: .none),
        Case(testDescription: "3, -1 is zero", server: 3, own: -1, expected: .drops(after: 0, .argument)),
        Case(testDescription: "3, a policy", server: 3, policy: policy(20), expected: .drops(after: 20, .policy("p"))),
    ]

    @Test(arguments: cases) func isWhatTheBrokerDoes(of one: Case) {
        let own = one.own.map { [QueueArgument(name: "x-delivery-limit", value: .number($0))] } ?? []
        let limit = DeliveryLimit(server: one.server, arguments: [Self.quorum] + own, policy: one.policy)
        #expect(limit == one.expected)
    }

    @Test func classicQueuesHaveNone() {
        for arguments in [[], [QueueArgument(name: "x-queue-type", value: .text("classic"))]] {
            #expect(DeliveryLimit(server: 4, arguments: arguments, policy: nil) == .none)
        }
        #expect(DeliveryLimit(server: 4, arguments: nil, policy: nil) == .unknown)
    }

    @Test func theRemedyIsACommand() {
        func warning(_ origin: DeliveryLimit.Origin, _ virtualHost: String = "/") -> String? {
            DeliveryLimit.drops(after: 20, origin).warning(queue: "database-writer.trades", virtualHost: virtualHost)
        }
        #expect(
            warning(.server(policy: nil), "it's")?.hasSuffix(
                #"rabbitmqctl set_policy --vhost 'it'\''s' --apply-to queues database-writer.trades "#
                    + #"'^database-writer[.]trades$' '{"delivery-limit":1000000}'"#) == true)
        #expect(warning(.server(policy: "ha"))?.hasSuffix("to the policy ha, which applies to it") == true)
        #expect(warning(.argument)?.contains("rabbitmqctl delete_queue database-writer.trades --if-empty") == true)
        #expect(warning(.policy("low"))?.hasSuffix("or rabbitmqctl clear_policy low") == true)
        #expect(DeliveryLimit.none.warning(queue: "q", virtualHost: "/") == nil)
    }
}
