import AMQP
import ArgumentParser
import Glibc
import Records

/// What is generated.
struct LoadOptions: ParsableArguments {
    @Option(help: "How many messages.") var count = 100_000
    @Option(help: "The kinds of record, separated by commas (default: all).") var kinds: String?
    @Option(help: "Markets with the ids 1 to this.") var markets = 1000
    @Option(help: "Candles of a candle message.") var candlesPerMessage = 1
    @Option(help: "The fraction of messages that repeat an earlier one.") var duplicates = 0.0
    @Option(help: "The fraction of messages with the key of an earlier one and other content.") var conflicts = 0.0
    @Option(help: "The fraction of messages that can't be a record.") var bad = 0.0
    @Option(help: "Another seed gives other messages.") var seed: UInt64 = 1

    func validate() throws {
        guard count >= 0, markets >= 1, candlesPerMessage >= 0 else {
            throw ValidationError("counts are not negative, and there is at least one market")
        }
        let fractions = [duplicates, conflicts, bad]
        guard fractions.allSatisfy({ $0 >= 0 }), fractions.reduce(0, +) <= 1 else {
            throw ValidationError("fractions lie between 0 and 1, together too")
        }
        guard kindIndices != nil else { throw ValidationError("--kinds names kinds of record") }
    }

    /// Indices into ``RecordKind/all``; nil if a name is none.
    var kindIndices: [Int]? {
        guard let kinds else { return Array(RecordKind.all.indices) }
        let indices = kinds.split(separator: ",").map { name in RecordKind.all.firstIndex { $0.name == name } }
        return indices.isEmpty || indices.contains(nil) ? nil : indices.compactMap(\.self)
    }
}

/// The broker of `AMQP_URL`.
enum Broker {
    static func configuration() throws -> AMQPConfiguration {
        guard let url = getenv("AMQP_URL") else { throw ValidationError("AMQP_URL is not set") }
        return AMQPConfiguration(
            endpoints: try AMQPEndpoint.parse(String(cString: url)), connectionName: "load generator")
    }
}
