import AMQP
import Postgres

/// Publishes the rows of an act again, in the order of their ids: read a page, publish it window by window, record what
/// was confirmed.
package struct Replay {
    /// How it ended, where nothing failed.
    package struct Ending: Sendable, Equatable {
        /// Rows that were confirmed and recorded.
        package let done: Int
        /// The signal that ended it early; nil if it is complete.
        package let interruptedBy: Int32?

        package init(done: Int, interruptedBy: Int32?) {
            self.done = done
            self.interruptedBy = interruptedBy
        }
    }

    private static let pageSize = 1000

    let record: ActRecord
    let cursor: RowCursor
    let rows: ActRows
    let interruption: Interruption
    var republisher: Republisher
    var pace: Pace
    private var progress: ActProgress
    private var unrecorded: [Int64] = []
    private var recordedAt = ContinuousClock.now

    /// - Parameters:
    ///   - rate: messages a second; 0 for as fast as the broker confirms them.
    ///   - showsProgress: on standard error.
    package init(
        _ record: ActRecord, _ cursor: RowCursor, republisher: Republisher, rate: Int, interruption: Interruption,
        showsProgress: Bool = true
    ) {
        self.record = record
        self.cursor = cursor
        self.republisher = republisher
        self.interruption = interruption
        rows = ActRows(connection: record.connection)
        pace = Pace(rate: rate)
        progress = ActProgress(total: cursor.count, isShown: showsProgress)
    }

    /// Publishes until all is confirmed, or until the interruption. Whatever happens, what was confirmed is recorded if that
    /// is possible.
    package mutating func run() async throws -> Ending {
        var isComplete = false
        do {
            isComplete = try await publishPages()
        } catch {
            try? await recordConfirmed()
            await finish()
            guard interruption.isRequested, (error as? AMQPError)?.kind == .cancelled else { throw error }
        }
        try await recordConfirmed()
        await finish()
        guard isComplete else { return Ending(done: progress.count, interruptedBy: interruption.requestedBy) }
        try await record.end()
        return Ending(done: progress.count, interruptedBy: nil)
    }

    private func finish() async {
        progress.finish()
        await republisher.close()
    }

    /// - Returns: whether it came to the end.
    private mutating func publishPages() async throws -> Bool {
        while true {
            let page = try await cursor.next(Self.pageSize)
            guard !page.isEmpty else { return true }
            guard try await publish(page) else { return false }
        }
    }

    private mutating func publish(_ page: [RowCursor.Row]) async throws -> Bool {
        var rest = page[...]
        while !rest.isEmpty {
            let read = try await rows.read(rest, &republisher.encoder)
            guard let last = read.last else { return true }
            for window in SeriesWindows.cut(read, limit: pace.windowSize) {
                guard !interruption.isRequested, try await publish(window) else { return false }
            }
            rest = rest.drop { $0.id <= last.id }
        }
        return true
    }

    private mutating func publish(_ window: ArraySlice<OutboxRow>) async throws -> Bool {
        let before = unrecorded.count
        try await republisher.publish(window) { unrecorded.append($0.id) }
        let confirmed = unrecorded.count - before
        progress.done(confirmed)
        if unrecorded.count >= Self.pageSize || .now - recordedAt > .seconds(1) { try await recordConfirmed() }
        await interruption.sleep(for: pace.done(confirmed))
        return confirmed == window.count
    }

    private mutating func recordConfirmed() async throws {
        try await record.published(unrecorded)
        unrecorded = []
        recordedAt = .now
    }
}
