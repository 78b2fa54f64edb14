import AMQP
import Candlepost
import Glibc
import ProgramRuntime
import Records

/// Publishes lines, window by window, and keeps count of what the broker has confirmed. While one window is confirmed the
/// next one is on its way.
actor Feed {
    /// A message that the broker did not take.
    struct NotTaken: Error, CustomStringConvertible {
        let description: String
    }

    /// A window on its way: how many lines, and the last delivery tag at each queue.
    private struct Window {
        let lines: Int
        var lastTags: [String: UInt64] = [:]
    }

    /// A connection for one queue, and what is confirmed there.
    private struct Channel {
        let publisher: AMQPPublisher
        var confirmed = ConfirmedPrefix()
    }

    private static let maximumWindow = 1000

    private let broker: AMQPConfiguration
    private let queueType: QueueDeclaration.QueueType
    private let skip: Int
    private let rate: Double?
    private let isForced: Bool
    private var channels: [String: Channel] = [:]
    private var linesMet = 0
    private var publishedLines: Int
    private var progress: FeedProgress
    private var foresight = FeedForesight()
    private var isWarned = false

    /// All lines up to here are confirmed or were left out.
    private(set) var confirmedLines: Int

    /// - Parameters:
    ///   - total: the size of the input in bytes, nil if it is not known.
    ///   - isForced: whether to send what is no file of records, too.
    init(
        _ broker: AMQPConfiguration, queueType: QueueDeclaration.QueueType, rate: Double?, skip: Int, total: Int?,
        isForced: Bool = false
    ) {
        self.broker = broker
        self.queueType = queueType
        self.rate = rate
        self.isForced = isForced
        self.skip = skip
        publishedLines = skip
        confirmedLines = skip
        progress = FeedProgress(total: total)
    }

    func run(_ input: LineReader) async throws {
        var input = input
        var before: Window?
        while let piece = try await input.next() {
            let lines = Self.lines(of: piece).filter { _ in
                linesMet += 1
                return linesMet > skip
            }
            try foresee(lines, of: piece)
            for start in stride(from: 0, to: lines.count, by: windowSize) {
                let window = try await publish(lines[start..<min(start + windowSize, lines.count)], of: piece)
                if let before { try await confirm(before) }
                before = window
            }
            progress.read(bytes: piece.count)
        }
        if let before { try await confirm(before) }
        progress.finish()
        for channel in channels.values { await channel.publisher.close() }
    }

    /// Looks at the first lines before any of them is sent: what is no file of records is not sent at all, and what will be
    /// refused is said before more than a thousand are.
    private func foresee(_ lines: [Range<Int>], of piece: [UInt8]) throws(NotTaken) {
        guard !isForced, foresight.count < Self.maximumWindow else { return }
        try foresight.look(at: lines.prefix(Self.maximumWindow - foresight.count), of: piece, after: publishedLines)
        if let warning = foresight.warning, !isWarned {
            isWarned = true
            StandardStream.write("writer: \(warning)\n", to: STDERR_FILENO)
        }
    }

    /// At a given rate, windows of a twentieth of a second, so that the flow is even.
    private var windowSize: Int { rate.map { max(1, min(Self.maximumWindow, Int($0 / 20))) } ?? Self.maximumWindow }

    /// Where the lines are that are not empty, without their ends.
    static func lines(of piece: [UInt8]) -> [Range<Int>] {
        piece.indices.split { piece[$0] == UInt8(ascii: "\n") }.compactMap { line in
            let end = piece[line.endIndex - 1] == UInt8(ascii: "\r") ? line.endIndex - 1 : line.endIndex
            return line.startIndex < end ? line.startIndex..<end : nil
        }
    }

    private func publish(_ lines: ArraySlice<Range<Int>>, of piece: [UInt8]) async throws -> Window {
        var batches: [String: PublishBatch] = [:]
        for line in lines {
            publishedLines += 1
            let body = piece.span.extracting(line)
            guard let kind = RecordKind.ofMessage(body) else {
                throw NotTaken(description: "line \(publishedLines): its type names no kind of record")
            }
            let empty = PublishBatch(queue: kind.queue, appID: "candlepost feed", messages: lines.count)
            batches[kind.queue, default: empty]
                .append(id: Int64(publishedLines), type: kind.name, timestamp: Int64(time(nil)), body: body)
        }
        var window = Window(lines: lines.count)
        for (queue, batch) in batches {
            let publisher = try await channel(queue).publisher
            window.lastTags[queue] = try await publisher.publish(batch).upperBound
        }
        return window
    }

    private func confirm(_ window: Window) async throws {
        for (queue, tag) in window.lastTags {
            while let channel = channels[queue], channel.confirmed.upTo < tag {
                for outcome in try await channel.publisher.nextOutcomes() { try note(outcome, queue) }
            }
        }
        confirmedLines += window.lines
        progress.confirmed(window.lines)
        if let rate { try await Task.sleep(until: progress.due(rate), clock: .continuous) }
    }

    private func note(_ outcome: Outcome, _ queue: String) throws(NotTaken) {
        switch outcome {
        case .confirmed(let tags): channels[queue]?.confirmed.add(tags)
        case .refused: throw NotTaken(description: "\(queue) refuses messages: is it full?")
        case .returned(_, let code, let text):
            throw NotTaken(description: "\(queue) is gone: \(code) \(text)")
        }
    }

    private func channel(_ queue: String) async throws(AMQPError) -> Channel {
        if let channel = channels[queue] { return channel }
        let publisher = try await AMQPPublisher.connect(
            broker, queue: QueueDeclaration(name: queue, type: queueType), logger: Program.quietLogger)
        let channel = Channel(publisher: publisher)
        channels[queue] = channel
        return channel
    }
}

/// How far all delivery tags are confirmed, without a gap.
struct ConfirmedPrefix {
    private(set) var upTo: UInt64 = 0
    private var ahead: [ClosedRange<UInt64>] = []

    mutating func add(_ tags: ClosedRange<UInt64>) {
        ahead.append(tags)
        while let next = ahead.firstIndex(where: { $0.lowerBound <= upTo + 1 }) {
            upTo = max(upTo, ahead.remove(at: next).upperBound)
        }
    }
}
