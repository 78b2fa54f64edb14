import AMQP
import ArgumentParser
import Candlepost
import Glibc
import ProgramRuntime
import UnixSignals

struct FeedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feed",
        abstract:
            "Publishes messages from an NDJSON file, or from another queue, into the queue of their kind, with confirms.",
        discussion: """
            A line is a message as collectors send it, with "type" beside "payload" where it is not a candle. The file may be
            compressed by gzip. What is no file of records is refused at its first lines. Ends when all are confirmed; when it
            is interrupted it says with which --skip to go on.

            --from-queue takes what is in a queue, a dead-letter queue most likely, back into the queues that it came from: it
            counts, and with --yes moves. Each message is acknowledged only when the broker has confirmed it in its queue.
            """)

    @Argument(help: "The file; - for standard input.") var file: String?
    @Option(help: "The queue to take messages from, instead of a file.") var fromQueue: String?
    @Flag(help: "Really take them; without it they are only counted.") var yes = false
    @Option(help: "The most messages a second; as fast as the broker takes them if left out.") var rate: Double?
    @Option(help: "How many lines to leave out from the start, to go on after an interruption.") var skip = 0
    @Flag(help: "Sends the file also where its first lines are no records.") var anyway = false

    func validate() throws {
        if (file == nil) == (fromQueue == nil) { throw ValidationError("a file, or --from-queue") }
        if yes && fromQueue == nil { throw ValidationError("--yes goes with --from-queue") }
        if let rate, rate <= 0 { throw ValidationError("--rate must be above 0") }
        if skip < 0 { throw ValidationError("--skip must not be negative") }
    }

    func run() async throws {
        if let fromQueue {
            return try await FeedFromQueue(queue: fromQueue, isConfirmed: yes, rate: rate).run(SettingsReader.current)
        }
        guard let file else { return }
        let settings = SettingsReader.current
        let broker = try settings.broker(connectionName: "candlepost feed")
        let type = try settings.read(BrokerSettings.queueType)
        let lines: LineReader
        do { lines = try LineReader(path: file) } catch { throw CommandExit(.no, "\(file): \(error)") }
        let feed = Feed(broker, queueType: type, rate: rate, skip: skip, total: lines.total, isForced: anyway)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Self.watchForInterruption(feed) }
                try await feed.run(lines)
                group.cancelAll()
            }
        } catch {
            let isAway = (error as? AMQPError)?.recovery == .retry
            throw CommandExit(isAway ? .unavailable : .no, "\(error); \(await Self.resumption(feed))")
        }
    }

    /// Ends the process, because whoever waits for standard input can't be woken.
    private static func watchForInterruption(_ feed: Feed) async throws {
        for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
            StandardStream.write("\nwriter: interrupted; \(await resumption(feed))\n", to: STDERR_FILENO)
            ExitStatus.exit(by: signal == .sigint ? SIGINT : SIGTERM)
        }
    }

    private static func resumption(_ feed: Feed) async -> String {
        let lines = await feed.confirmedLines
        return "\(lines) lines are confirmed, go on with --skip \(lines)"
    }
}
