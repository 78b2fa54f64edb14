import AMQP
import ArgumentParser
import Glibc
import Logging

struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Takes all messages out of a queue and prints their bodies, one a line, for COPY FROM.",
        discussion: "With --discard it prints how many there were and how long it took, as JSON.")

    @Option(help: "The queue.") var queue = "ws.pricing-notifications"
    @Option(help: "It ends when no message has come for so many seconds.") var idle = 3.0
    @Flag(help: "Counts the messages, and prints none.") var discard = false

    func run() async throws {
        let consumer = try await AMQPConsumer.connect(
            try Broker.configuration(), queues: [QueueDeclaration(name: queue, type: .classic)], prefetch: 1000,
            logger: Logger(label: "load") { _ in SwiftLogNoOpLogHandler() })
        var output = StandardOutput()
        var count = 0
        let begin = ContinuousClock.now
        var end = begin
        while let batch = try await nextBatch(consumer), let last = batch.deliveries.last {
            if !discard {
                for delivery in batch.deliveries { output.write(Self.line(Array(batch.bytes[delivery.body]))) }
                output.flush()
            }
            await consumer.acknowledge(through: last.tag)
            count += batch.deliveries.count
            end = .now
        }
        await consumer.close()
        if discard { print(Self.report(count, begin.duration(to: end) / .seconds(1))) }
    }

    private static func report(_ count: Int, _ seconds: Double) -> String {
        let cpu = Double(clock()) / Double(CLOCKS_PER_SEC)
        let rate = seconds > 0 ? Int(Double(count) / seconds) : 0
        return #"{"taken":\#(count),"seconds":\#(seconds),"per_second":\#(rate),"cpu_seconds":\#(cpu)}"#
    }

    private static func line(_ body: [UInt8]) -> [UInt8] {
        var line = Array("\\\\x".utf8)
        line.append(hexadecimal: body)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// Nil when none comes in time.
    private func nextBatch(_ consumer: AMQPConsumer) async throws -> DeliveryBatch? {
        try await withThrowingTaskGroup(of: DeliveryBatch?.self) { group in
            group.addTask { try await consumer.nextBatch(limit: 500, delay: .milliseconds(50)) }
            group.addTask {
                try await Task.sleep(for: .seconds(idle))
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}

/// Standard output, with a buffer.
struct StandardOutput {
    private var buffer: [UInt8] = []

    mutating func write(_ bytes: [UInt8]) {
        buffer.append(contentsOf: bytes)
        if buffer.count > 1 << 20 { flush() }
    }

    mutating func flush() {
        var rest = buffer[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            guard written > 0 else { exit(EXIT_FAILURE) }
            rest = rest.dropFirst(written)
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
