import FoundationEssentials
import Glibc

/// What became of one fault.
struct FaultOutcome: Codable, Sendable {
    let kind: FaultKind
    /// There is evidence that it happened.
    let isSeen: Bool
    /// From its end until twenty more messages were announced.
    let recoverySeconds: Double
}

/// What became of a round: a line of the report.
struct RoundReport: Codable, Sendable {
    enum Queues: String, Codable, Sendable {
        case classic, quorum
    }

    let seed: UInt64
    /// Of the source that was run; `+` at its end: and of changes that were not committed.
    var commit: String?
    /// PostgreSQL and RabbitMQ, with their versions.
    var servers: String?
    var queues: Queues?
    /// After how many returns the queues of the input dropped a message.
    var deliveryLimit: Int64?
    /// Why it shows nothing.
    var voidReason: String?
    /// It shows nothing: it broke off, a fault left no trace, or there were too few messages.
    var isVoid: Bool
    var messages = 0
    var announced = 0
    var repeated = 0
    /// Windows that the round's faults allow to be repeated.
    var hardFaults = 0
    var faults: [FaultOutcome] = []
    /// Codes of the checker.
    var violations: [String] = []

    /// Adds it to a file of such lines.
    func append(to path: String) throws {
        let line = String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
        guard let file = fopen(path, "a") else { throw TooLate(description: "cannot write \(path)") }
        fputs(line + "\n", file)
        fclose(file)
    }

    /// The lines of a file; those that cannot be read are left out.
    static func all(in path: String) -> [RoundReport] {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return [] }
        return data.split(separator: UInt8(ascii: "\n")).compactMap {
            try? JSONDecoder().decode(RoundReport.self, from: Data($0))
        }
    }
}
