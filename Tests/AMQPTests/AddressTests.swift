import TestSupport
import Testing

@testable import AMQP

/// A name may stand for several addresses, some of which lead nowhere.
@Suite("Addresses of a broker", .timeLimit(.minutes(2))) struct AddressTests {
    typealias Address = AMQPEndpoint.Address

    @Test(arguments: [("127.0.0.1", "127.0.0.1"), ("127.1", "127.0.0.1"), ("::1", "::1"), ("0:0::1", "::1")])
    func anAddressIsOneInWhateverWayItIsWritten(host: String, number: String) throws {
        let endpoint = AMQPEndpoint(host: host, port: 5)
        #expect(endpoint.numericHost == number)
        #expect(try endpoint.addresses() == [Address(host: number, port: 5)])
        #expect(AMQPEndpoint(host: "localhost").numericHost == nil)
    }

    @Test func aNameThatIsNotThereIsSaidToBeNone() async throws {
        let configuration = AMQPConfiguration(
            endpoints: [AMQPEndpoint(host: "nowhere.invalid")], connectionName: "tests")
        let error = await failure { try await consumer(of: "unused", configuration: configuration) }
        #expect(error?.kind == .connectFailed && error?.message.contains("cannot look up the name") == true)
    }

    /// Two that take connections and never say a word, and one where nobody listens: each has its share of the time.
    @Test(.enabled(if: TestBroker.url != nil)) func theDeadOnesLeaveTimeForTheOthers() throws {
        let silent = try SilentServer()
        let mute = try SilentServer()
        var configuration = try TestBroker.configuration()
        configuration.connectTimeout = .seconds(12)
        let endpoint = configuration.endpoints[0]
        let addresses = [
            Address(host: "127.0.0.1", port: UInt16(silent.port)),
            Address(host: "::1", port: UInt16(try SilentServer.unusedPort())),
            Address(host: "127.0.0.1", port: UInt16(mute.port)), Address(host: endpoint.host, port: endpoint.port),
        ]
        let start = ContinuousClock.now
        let link = try BrokerLink.open(endpoint, configuration, 1, addresses: addresses)
        let server = link.server
        #expect(server.major >= 3)
        #expect((.seconds(6)..<(.seconds(12))).contains(start.duration(to: .now)))
    }

    @Test func allAreNamedWhenNoneAnswers() throws {
        let silent = try SilentServer()
        let configuration = AMQPConfiguration(endpoints: [], connectionName: "tests", connectTimeout: .seconds(1))
        let addresses = [
            Address(host: "127.0.0.1", port: UInt16(try SilentServer.unusedPort())),
            Address(host: "127.0.0.1", port: UInt16(silent.port)),
        ]
        let error = #expect(throws: AMQPError.self) {
            _ = try BrokerLink.open(AMQPEndpoint(host: "name"), configuration, 1, addresses: addresses)
        }
        #expect(error?.kind == .timedOut)
        for address in addresses { #expect(error?.message.contains("\(address): ") == true) }
    }

    /// Who is told to stop does not wait for a server that does not answer.
    @Test func aCancelledTaskDoesNotWaitForAnAnswer() async throws {
        let silent = try SilentServer()
        let configuration = AMQPConfiguration(
            endpoints: [AMQPEndpoint(host: "127.0.0.1", port: UInt16(silent.port))], connectionName: "tests",
            connectTimeout: .seconds(30))
        let start = ContinuousClock.now
        let connecting = Task { try await consumer(of: "unused", configuration: configuration) }
        connecting.cancel()
        #expect(await failure { try await connecting.value }?.kind == .cancelled)
        #expect(start.duration(to: .now) < .seconds(10))
    }
}
