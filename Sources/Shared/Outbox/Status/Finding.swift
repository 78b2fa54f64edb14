/// Something that an operator should know, and the step that comes next.
package struct Finding: Sendable, Equatable {
    package enum Weight: String, Sendable { case bad, warn, note }

    /// What it is about.
    package enum Subject: Sendable { case intake, relays, parked, quarantine, partitions, conflicts, proofs }

    package let weight: Weight
    package let what: String
    package let step: String
    package let about: Subject

    /// The findings of a look, the gravest first.
    package static func all(_ overview: Overview) -> [Finding] {
        var all: [Finding] = []
        let report = overview.report
        let free = report.lanes.filter { !$0.isOwned }
        if report.relays.allSatisfy(\.isSilent) {
            all.append(
                Finding(
                    weight: .bad, what: "No relay is at work: nothing is announced.",
                    step: "Start one, and look at the log of the last: rows wait, and none is lost.", about: .relays))
        } else if !free.isEmpty {
            all.append(
                Finding(
                    weight: .warn, what: "\(free.count) of \(report.lanes.count) lanes have no relay.",
                    step: "Relays take them within 30 seconds; if not, one hangs with their locks.", about: .relays))
        }
        if overview.oldest > 30 {
            all.append(
                Finding(
                    weight: overview.oldest > 300 ? .bad : .warn,
                    what: "The oldest pending row waits for \(StatusReport.age(overview.oldest)).",
                    step: "Ask the relay's /readyz: it names what it waits for. Is the output queue full?",
                    about: .relays))
        }
        if let deaf = report.relays.first(where: { !$0.isSilent && $0.doorbellHeard == false }) {
            all.append(
                Finding(
                    weight: .note, what: "\(StatusReport.short(deaf.relay)) does not hear NOTIFY, and polls instead.",
                    step: "A pooler in between loses it: connect relays to PostgreSQL itself.", about: .relays))
        }
        if let silent = overview.silentFor, silent > 180, overview.flow.isSteady || silent > 1800 {
            all.append(
                Finding(
                    weight: .warn, what: "Nothing has been received for \(StatusReport.age(silent)).",
                    step:
                        "If collectors are at work, ask the writer's /readyz: messages wait in its queues, none is lost.",
                    about: .intake))
        }
        if overview.parked > 0 {
            all.append(
                Finding(
                    weight: .warn,
                    what: overview.parked == 1
                        ? "One row is parked: the broker rejected it for what is in it."
                        : "\(DigitGroups.text(overview.parked)) rows are parked: the broker rejected them for what is in them.",
                    step: "See why, mend it, and retry them; or give them up.", about: .parked))
        }
        if let most = overview.quarantine.first {
            all.append(
                Finding(
                    weight: .warn,
                    what: overview.inQuarantine == 1
                        ? "One message is in quarantine: \(most.reason)."
                        : "\(DigitGroups.text(overview.inQuarantine)) messages are in quarantine, most of them \(most.reason).",
                    step: "See what was refused and why, and decide.", about: .quarantine))
        }
        if report.partitions.idsAhead < 1_000_000 {
            all.append(
                Finding(
                    weight: .bad, what: "Only \(DigitGroups.text(report.partitions.idsAhead)) ids have a partition.",
                    step: "Writers make partitions once a minute: see why none can.", about: .partitions))
        }
        if overview.conflicts > 0 {
            let count = overview.conflicts > 1000 ? "More than 1,000" : "\(overview.conflicts)"
            all.append(
                Finding(
                    weight: .note, what: "\(count) messages of the last day differ from the record that is stored.",
                    step: "Collectors disagree about these intervals; the first one stays.", about: .conflicts))
        }
        if overview.verified?.holds == false {
            all.append(
                Finding(
                    weight: .bad, what: "The last verification found promises broken.",
                    step: "Keep the database as it is, and report what `relay verify` names.", about: .proofs))
        }
        let order: [Weight] = [.bad, .warn, .note]
        return order.flatMap { weight in all.filter { $0.weight == weight } }
    }
}
