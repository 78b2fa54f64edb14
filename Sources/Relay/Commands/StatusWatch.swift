import Candlepost
import Glibc
import Outbox
import Postgres
import ProgramRuntime

/// `relay status --watch`: the screen, once a second, until somebody ends it.
struct StatusWatch {
    /// Where no terminal is, a line each ten seconds is enough for a log.
    private static let lineEvery = 10

    let settings: SettingsReader
    private let terminal = Terminal.standardOutput
    private var shownLines = 0
    private var looks = 0

    init(_ settings: SettingsReader) { self.settings = settings }

    /// Shows until SIGINT or SIGTERM. A database that goes away is waited for.
    /// - Throws: ``CommandExit`` if the database is not there at the begin.
    static func run(_ settings: SettingsReader) async throws {
        do {
            try await Interruption.watch(grace: .seconds(2)) { interruption in
                var watch = StatusWatch(settings)
                defer { watch.end() }
                try await watch.run(until: interruption)
            }
        } catch is CancellationError {
            // The database took longer to answer than somebody who ends it waits.
        }
    }

    private mutating func run(until interruption: Interruption) async throws {
        while !interruption.isRequested {
            do {
                try await look(until: interruption)
            } catch let error as CommandExit {
                guard looks > 0 else { throw error }
                show([error.description], line: error.description)
                await interruption.sleep(for: .seconds(1))
            }
        }
    }

    private mutating func look(until interruption: Interruption) async throws {
        let connection = try await CommandConnections.openDatabase(
            settings, parameters: OutboxReader.plannerSettings, replyTimeout: .seconds(30))
        do {
            var overview = Overview()
            while !interruption.isRequested {
                try await overview.update(connection)
                let screen = StatusScreen(overview, width: terminal.size.columns, isColoured: terminal.isColoured)
                show(screen.lines, line: screen.summary)
                await interruption.sleep(for: .seconds(1))
            }
            await connection.close()
        } catch {
            await connection.close()
            throw CommandConnections.exit(for: error)
        }
    }

    private mutating func show(_ lines: [String], line: @autoclosure () -> String) {
        defer { looks += 1 }
        guard terminal.isThere else {
            if looks % Self.lineEvery == 0 { StandardStream.line(line()) }
            return
        }
        // What does not fit would scroll, and could not be written over.
        let shown = lines.prefix(max(1, terminal.size.rows - 1))
        let back = shownLines > 0 ? "\u{1B}[\(shownLines)A\r" : "\u{1B}[?25l"
        let text = back + shown.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J"
        StandardStream.write(text, to: STDOUT_FILENO)
        shownLines = shown.count
    }

    /// The cursor comes back, below what was shown.
    private func end() {
        if shownLines > 0 { StandardStream.write("\u{1B}[?25h", to: STDOUT_FILENO) }
    }
}
