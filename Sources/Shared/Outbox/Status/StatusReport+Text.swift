import ProgramRuntime

extension StatusReport {
    /// The whole, a line for each thing; the lanes' table comes after it.
    package var lines: [String] {
        let pending = sum(\.pending)
        let isExact = lanes.allSatisfy(\.isExact)
        let oldest = lanes.map(\.oldestSeconds).max() ?? 0
        let summary = [
            "pending     \(isExact ? "" : "at least ")\(pending) rows"
                + (pending == 0 ? "" : ", the oldest for \(Self.age(oldest))"),
            "published   \(sum(\.lastMinute)) rows in the last minute, \(sum(\.lastQuarter)) in the last 15 minutes",
            "parked      \(sum(\.parked)) rows",
            "superseded  \(sum(\.superseded)) rows",
            "partitions  \(partitionsText)",
            "owners      \(owners)",
        ]
        return summary + ["", relaysText]
    }

    /// The relays as a table, with the last error of each.
    package var relaysText: String {
        relays.isEmpty ? "No relay has reported in the last 24 hours." : relaysTable
    }

    private func sum(_ value: (LaneStatus) -> Int64) -> Int64 { lanes.map(value).reduce(0, +) }

    private var partitionsText: String {
        let oldest = partitions.oldest.map { name in
            ", the oldest \(name)" + (partitions.oldestAge.map { " with rows of \(Self.age(Int64($0))) ago" } ?? "")
        }
        return "\(partitions.count)\(oldest ?? ""); \(partitions.idsAhead) ids ahead"
    }

    /// `a:1 has 0-7; b:2 has 8-14; nobody has 15`.
    package var owners: String {
        let held = Dictionary(grouping: lanes.filter(\.isOwned)) { $0.relay ?? "somebody" }
        var texts = held.sorted { $0.key < $1.key }.map { "\(name($0.key)) has \(Self.ranges($0.value.map(\.lane)))" }
        let free = lanes.filter { !$0.isOwned }.map(\.lane)
        if !free.isEmpty { texts.append("nobody has \(free.count == lanes.count ? "a lane" : Self.ranges(free))") }
        return texts.joined(separator: "; ")
    }

    private func name(_ relay: String) -> String { SafeText.oneLine(relay, limit: 100) }

    /// A relay's name in 18 columns: how it begins, and how it ends, which is the process.
    package static func short(_ relay: String) -> String {
        let name = SafeText.oneLine(relay, limit: 1000)
        return name.count <= 18 ? name : "\(name.prefix(7))…\(name.suffix(10))"
    }

    /// `0-3,7`.
    package static func ranges(_ numbers: [Int64]) -> String {
        var ranges: [ClosedRange<Int64>] = []
        for number in numbers.sorted() {
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }

    private var relaysTable: String {
        let silent = relays.filter(\.isSilent)
        let shown = relays.filter { !$0.isSilent } + silent.prefix(RelayStatus.mostSilent)
        var table = TextTable(
            headings: ["relay", "state", "heard", "up", "published", "by bell", "by poll", "NOTIFY"],
            rightAligned: [2, 3, 4, 5, 6])
        for relay in shown {
            table.add([
                Self.short(relay.relay), relay.isSilent ? "SILENT" : "alive", "\(Self.age(Int64(relay.seenAgo))) ago",
                Self.age(Int64(relay.startedAgo)), "\(relay.published)", "\(relay.byDoorbell)", "\(relay.byPoll)",
                relay.doorbellHeard.map { $0 ? "heard" : "LOST" } ?? "?",
            ])
        }
        let errors = shown.compactMap { relay in
            relay.lastError.map {
                "\nlast error of \(name(relay.relay)), \(Self.age(Int64(relay.lastErrorAgo))) ago: "
                    + SafeText.oneLine($0, limit: 300)
            }
        }
        let more = silent.count - RelayStatus.mostSilent
        return String(table.text.dropLast()) + errors.joined() + (more > 0 ? "\nand \(more) more that are silent" : "")
    }

    /// The two largest units are enough for people: `3d4h`, `2m5s`, `7s`.
    package static func age(_ seconds: Int64) -> String {
        let seconds = max(0, seconds)
        let exact: Int64 = seconds >= 86_400 ? 3600 : seconds >= 3600 ? 60 : 1
        return DurationText.format(.seconds(seconds / exact * exact))
    }
}
