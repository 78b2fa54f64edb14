import Outbox
import Postgres
import ProgramRuntime

/// The promises held against the database, by a click, and what came of the runs before.
enum VerifyPage {
    private static let columns = [
        ListingColumn("verified_at"), ListingColumn("holds", isFlag: true), ListingColumn("seconds", isNumber: true),
        ListingColumn("verified_by"), ListingColumn("broken"),
    ]
    /// The most runs that are shown.
    private static let most = 50

    static func listing(_ ask: Ask, _ proofs: Proofs) async throws -> Listing {
        Listing(
            columns: columns,
            rows: try await all(ask, proofs).map { proof in
                [
                    .text(Figures.iso(proof.at)), proof.failure == nil ? .bool(proof.holds) : .null,
                    .double(proof.seconds),
                    proof.by.map(ListingValue.text) ?? .null,
                    .array(proof.failure.map { ["not run: \($0)"] } ?? proof.broken.map(\.name)),
                ]
            })
    }

    static func page(_ ask: Ask, _ proofs: Proofs) async throws -> Page {
        let all = try await Self.all(ask, proofs)
        let body: HTML = """
            <p class="note">Every message taken from a queue ends as exactly one of stored, duplicate, quarantined; every row of the outbox as \
            exactly one of pending, published, parked, superseded. This reads every table once, in one snapshot, beside writers and relays at work.</p>
            \(Page.live("run", run(proofs.running)))
            \(Page.live("result", all.first.map(result) ?? "<p class=\"empty\">Nothing was verified yet.</p>"))
            \(Page.live("history", history(all)))
            """
        return Page(place: .verify, title: "Verify", body: body, command: "relay verify")
    }

    /// What the database has, and what only this console knows, the newest first.
    private static func all(_ ask: Ask, _ proofs: Proofs) async throws -> [Proofs.Proof] {
        let kept = try await ask.readers.with { try await KeptVerification.read(newest: most, $0) }
        // Of the same second, what only this console knows comes first: it says so.
        return (proofs.unkept + kept.map(Proofs.Proof.init)).sorted { $0.at > $1.at }
    }

    private static func run(_ running: Proofs.Running?) -> HTML {
        guard let running else {
            return "<form method=\"post\" action=\"/verify\"><button class=\"do\">Verify now</button></form>"
        }
        let elapsed = (ContinuousClock.now - running.start) / .seconds(1)
        let left =
            running.share > 0.02 ? ", about \(Figures.age(elapsed / running.share * (1 - running.share))) left" : ""
        return """
            <div class="card"><p><strong>\(Int(running.share * 100)) %</strong> \(running.what), for \(Figures.age(elapsed))\(left)</p>
            <progress max="100" value="\(Int(running.share * 100))" aria-label="How far it is"></progress>
            <form method="post" action="/verify/stop"><button>Stop</button></form></div>
            """
    }

    private static func result(_ proof: Proofs.Proof) -> HTML {
        if let failure = proof.failure {
            return "<p class=\"banner bad\">It could not be run: \(failure)</p>"
        }
        let banner: HTML =
            proof.holds
            ? "<p class=\"banner good\"><strong>All promises hold.</strong> Verified at \(Moment.html(proof.at)), in \(Figures.age(proof.seconds)).</p>"
            : "<p class=\"banner bad\"><strong>Promises are broken.</strong> Found at \(Moment.html(proof.at)). Keep the database as it is, and report what is named below.</p>"
        let unkept: HTML =
            proof.whyUnkept.map { "<p class=\"note\">Only this console knows of this run: \($0)</p>" } ?? .none
        let checks = Table.html(
            caption: "Promises",
            [.init("promise"), .init("holds"), .init("found", number: true), .init("expected", number: true)],
            proof.checks.map { check in
                [
                    "<span class=\"wide\">\(check.name)</span>",
                    check.holds ? "<span class=\"state good\">yes</span>" : "<span class=\"state bad\">no</span>",
                    HTML(Figures.grouped(check.found)), HTML(Figures.grouped(check.expected)),
                ]
            }, empty: "")
        let sums: HTML = """
            <h2>The sums</h2><pre tabindex="0">\(HTML.lines(proof.sums.joined(separator: "\n"), limit: 20_000))</pre>
            """
        return "\(banner)\(unkept)\(checks)\(examples(proof.broken))\(sums)"
    }

    private static func examples(_ broken: [Verification.Check]) -> [HTML] {
        broken.filter { !$0.examples.isEmpty }.map { check in
            "<h3>\(check.name)</h3><ul>\(check.examples.map { "<li>\($0)</li>" as HTML })</ul>"
        }
    }

    private static func history(_ proofs: [Proofs.Proof]) -> HTML {
        guard proofs.count > 1 else { return .none }
        return "<h2>Before</h2>"
            + Table.html(
                caption: "Runs before",
                [.init("at"), .init("result"), .init("took", number: true), .init("by", minor: true)],
                proofs.dropFirst().map { proof in
                    [
                        Moment.html(proof.at),
                        proof.holds
                            ? "<span class=\"state good\">all hold</span>"
                            : "<span class=\"state bad\">\(proof.failure == nil ? "broken" : "not run")</span>",
                        HTML(Figures.age(proof.seconds)), HTML(proof.by ?? "this console"),
                    ]
                }, empty: "")
            + "<div class=\"foot\">\(Table.files("/verify"))</div>"
    }
}
