import CRabbitMQ
import Glibc

extension BrokerLink {
    /// Connects to the first endpoint that answers, and logs in. Blocks, for at most `connectTimeout` an endpoint, name
    /// resolution not counted.
    /// - Parameter channels: how many channels are to be used, from 1 on. None is open yet.
    static func open(_ configuration: AMQPConfiguration, channels: Int = 1) throws(AMQPError) -> BrokerLink {
        var failures: [AMQPError] = []
        var messages: [String] = []
        for endpoint in configuration.reread?() ?? configuration.endpoints {
            do throws(AMQPError) {
                return try open(endpoint, configuration, channels, addresses: try endpoint.addresses())
            } catch {
                failures.append(error)
                messages.append("\(endpoint): \(error.message)")
            }
        }
        // What somebody must repair is worth more than the news that a second broker is down.
        let kind = (failures.first { $0.recovery == .fix } ?? failures.last)?.kind ?? .connectFailed
        throw AMQPError(kind, messages.isEmpty ? "no broker address is configured" : messages.joined(separator: "; "))
    }

    /// A name may have several addresses, some of them dead: each gets its share of the time that is left.
    static func open(
        _ endpoint: AMQPEndpoint, _ configuration: AMQPConfiguration, _ channels: Int,
        addresses: [AMQPEndpoint.Address]
    ) throws(AMQPError) -> BrokerLink {
        let deadline = ContinuousClock.now + configuration.connectTimeout
        var messages: [String] = []
        var last = AMQPError(.connectFailed, "the name has no address")
        for (index, address) in addresses.enumerated() {
            let share = max((deadline - .now) / (addresses.count - index), .milliseconds(1))
            do throws(AMQPError) {
                return try open(address, endpoint, configuration, channels, until: .now + share)
            } catch {
                guard error.recovery == .retry else { throw error }
                last = error
                messages.append(addresses.count > 1 ? "\(address): \(error.message)" : error.message)
            }
        }
        throw AMQPError(last.kind, messages.isEmpty ? last.message : messages.joined(separator: "; "))
    }

    private static func open(
        _ address: AMQPEndpoint.Address, _ endpoint: AMQPEndpoint, _ configuration: AMQPConfiguration, _ channels: Int,
        until deadline: ContinuousClock.Instant
    ) throws(AMQPError) -> BrokerLink {
        var link = BrokerLink(
            handle: try .connect(to: address, of: endpoint, until: deadline), address: endpoint.description,
            channels: channels)
        try link.logIn(endpoint, configuration, channels: channels, until: deadline)
        return link
    }
}
