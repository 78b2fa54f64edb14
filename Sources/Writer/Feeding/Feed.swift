import AMQP
import Glibc
import Program
import Records

/// Publishes lines, window by window, and keeps count of what the broker has confirmed.
struct Feed {
    /// A message that the broker did not take.
    struct NotTaken: Error, CustomStringConvertible {
        let description: String
    }

    private static let window = 1000

    private let broker: AMQPConfiguration
    private let queueType: QueueDeclaration.QueueType
    private let skip: Int
    private let rate: Double?
    private var publishers: [String: AMQPPublisher] = [:]
    private var linesMet = 0
    private var progress: FeedProgress

    /// All lines up to here are confirmed or were left out.
    private(set) var confirmedLines: Int

    init(_ broker: AMQPConfiguration, queueType: QueueDeclaration.QueueType, rate: Double?, skip: Int) {
        self.broker = broker
        self.queueType = queueType
        self.rate = rate
        self.skip = skip
        confirmedLines = skip
        progress = FeedProgress()
    }

    mutating func run(_ input: LineReader) async throws {
        var input = input
        while let piece = try await input.next() {
            let lines = Self.lines(of: piece).filter { _ in
                linesMet += 1
                return linesMet > skip
            }
            for start in stride(from: 0, to: lines.count, by: windowSize) {
                let window = lines[start..<min(start + windowSize, lines.count)]
                try await publish(window, of: piece)
                confirmedLines += window.count
                try await progress.confirmed(window.count, rate: rate)
            }
        }
        progress.finish()
        for publisher in publishers.values { await publisher.close() }
    }

    /// At a given rate, windows of a twentieth of a second, so that the flow is even.
    private var windowSize: Int { rate.map { max(1, min(Self.window, Int($0 / 20))) } ?? Self.window }

    /// Where the lines are that are not empty, without their ends.
    static func lines(of piece: [UInt8]) -> [Range<Int>] {
        piece.indices.split { piece[$0] == UInt8(ascii: "\n") }.compactMap { line in
            let end = piece[line.endIndex - 1] == UInt8(ascii: "\r") ? line.endIndex - 1 : line.endIndex
            return line.startIndex < end ? line.startIndex..<end : nil
        }
    }

    private mutating func publish(_ lines: ArraySlice<Range<Int>>, of piece: [UInt8]) async throws {
        var batches: [String: PublishBatch] = [:]
        for (number, line) in lines.enumerated() {
            let body = piece.span.extracting(line)
            guard let kind = RecordKind.ofMessage(body) else {
                throw NotTaken(description: "line \(confirmedLines + number + 1): its type is none of the five kinds")
            }
            batches[
                kind.queue, default: PublishBatch(queue: kind.queue, appID: "candlepost feed", messages: lines.count)
            ]
            .append(id: Int64(confirmedLines + number + 1), type: kind.name, timestamp: Int64(time(nil)), body: body)
        }
        var counts: [String: Int] = [:]
        for (queue, batch) in batches {
            counts[queue] = batch.count
            _ = try await publisher(queue).publish(batch)
        }
        for (queue, count) in counts { try await awaitConfirms(count, try await publisher(queue), queue) }
    }

    private func awaitConfirms(_ count: Int, _ publisher: AMQPPublisher, _ queue: String) async throws {
        var open = count
        while open > 0 {
            for outcome in try await publisher.nextOutcomes() {
                switch outcome {
                case .confirmed(let tags): open -= tags.count
                case .refused: throw NotTaken(description: "\(queue) refuses messages: is it full?")
                case .returned(_, let code, let text):
                    throw NotTaken(description: "\(queue) is gone: \(code) \(text)")
                }
            }
        }
    }

    private mutating func publisher(_ queue: String) async throws(AMQPError) -> AMQPPublisher {
        if let publisher = publishers[queue] { return publisher }
        let publisher = try await AMQPPublisher.connect(
            broker, queue: QueueDeclaration(name: queue, type: queueType), logger: Program.quietLogger)
        publishers[queue] = publisher
        return publisher
    }
}
