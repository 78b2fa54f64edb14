import FoundationEssentials
import Glibc

/// What a Prometheus has to know to scrape the programs of a round, and whoever looks at its alerts to tell faults from quiet times:
/// `scripts/monitoring --chaos` asks for it by a folder.
struct ChaosScrapes: Sendable {
    /// After each fault there is quiet for so long, so that its alerts end before the next one.
    let pause: Duration
    /// For so long a fault goes on after it was seen that would be over then.
    let hold = Duration.seconds(4)
    private let folder: String

    /// The folder and the pause that the environment names; nil where nobody looks.
    static let wanted: ChaosScrapes? = {
        guard let folder = getenv("CHAOS_SCRAPES") else { return nil }
        let seconds = getenv("CHAOS_PAUSE").flatMap { Int(String(cString: $0)) }
        return ChaosScrapes(pause: .seconds(seconds ?? 10), folder: String(cString: folder))
    }()

    private struct Group: Encodable {
        let targets: [String]
        let labels: [String: String]
    }

    /// Keeps the list of targets up to date, until it is cancelled.
    func follow(_ world: World) async throws {
        var before = ""
        while !Task.isCancelled {
            let groups = world.running.compactMap { program in
                program.port.map {
                    Group(targets: ["127.0.0.1:\($0)"], labels: ["job": "candlepost-\(program.name)"])
                }
            }
            let text = String(decoding: try JSONEncoder().encode(groups), as: UTF8.self)
            if text != before { try text.write(toFile: "\(folder)/targets.json", atomically: true, encoding: .utf8) }
            before = text
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Seconds since 1970.
    static var now: Double { Date().timeIntervalSince1970 }

    private struct Line: Encodable {
        let fault: String
        let begin, over, end: Double
    }

    /// Adds a fault to the list.
    /// - Parameters:
    ///   - over: when its cause was gone.
    ///   - end: when announcements went on and all programs were ready.
    func note(_ fault: FaultKind, begin: Double, over: Double, end: Double = now) throws {
        let line = try JSONEncoder().encode(Line(fault: fault.rawValue, begin: begin, over: over, end: end))
        guard let file = fopen("\(folder)/faults.jsonl", "a") else {
            throw TooLate(description: "cannot write \(folder)/faults.jsonl")
        }
        fputs(String(decoding: line, as: UTF8.self) + "\n", file)
        fclose(file)
    }
}
