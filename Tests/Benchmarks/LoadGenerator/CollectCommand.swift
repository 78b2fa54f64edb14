import AMQP
import ArgumentParser
import Glibc
import Logging

struct CollectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Takes all messages out of a queue and prints their bodies, one a line, for COPY FROM.")

    @Option(help: "The queue.") var queue = "ws.pricing-notifications"
    @Option(help: "It ends when no message has come for so many seconds.") var idle = 3.0

    func run() async throws {
        let consumer = try await AMQPConsumer.connect(
            try Broker.configuration(), queues: [QueueDeclaration(name: queue, type: .classic)], prefetch: 1000,
            logger: Logger(label: "load") { _ in SwiftLogNoOpLogHandler() })
        var output = StandardOutput()
        while let batch = try await nextBatch(consumer), let last = batch.deliveries.last {
            for delivery in batch.deliveries { output.write(Self.line(Array(batch.bytes[delivery.body]))) }
            output.flush()
            await consumer.acknowledge(through: last.tag)
        }
        await consumer.close()
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
