import Outbox

/// The promises held against the database, by a click.
enum VerifyPage {
    static func page(_ proofs: Proofs) -> Page {
        let body: HTML = """
            <p class="note">Every message taken from a queue ends as exactly one of stored, duplicate, quarantined; every row of the outbox as \
            exactly one of pending, published, parked, superseded. This reads every table once, in one snapshot, beside writers and relays at work.</p>
            \(Page.live("run", run(proofs.running)))
            \(Page.live("result", proofs.proofs.first.map(result) ?? "<p class=\"empty\">Nothing was verified since this console started.</p>"))
            \(Page.live("history", history(proofs.proofs)))
            """
        return Page(place: .verify, title: "Verify", body: body, command: "relay verify")
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
        guard let verification = proof.verification else {
            return "<p class=\"banner bad\">It could not be run: \(proof.failure ?? "")</p>"
        }
        let banner: HTML =
            proof.holds
            ? "<p class=\"banner good\"><strong>All promises hold.</strong> Verified at \(Figures.day(proof.at)) \(Figures.clock(proof.at, withSeconds: true)), in \(Figures.age(proof.seconds)).</p>"
            : "<p class=\"banner bad\"><strong>Promises are broken.</strong> Keep the database as it is, and report what is named below.</p>"
        let checks = Table.html(
            caption: "Promises",
            [.init("promise"), .init("holds"), .init("found", number: true), .init("expected", number: true)],
            verification.checks.map { check in
                [
                    "<span class=\"wide\">\(check.name)</span>",
                    check.holds ? "<span class=\"state good\">yes</span>" : "<span class=\"state bad\">no</span>",
                    HTML(Figures.grouped(check.found)), HTML(Figures.grouped(check.expected)),
                ]
            }, empty: "")
        return "\(banner)\(checks)\(examples(verification))\(sums(verification.totals))"
    }

    private static func examples(_ verification: Verification) -> [HTML] {
        verification.broken.filter { !$0.examples.isEmpty }.map { check in
            "<h3>\(check.name)</h3><ul>\(check.examples.map { "<li>\($0)</li>" as HTML })</ul>"
        }
    }

    private static func sums(_ totals: VerificationTotals) -> HTML {
        let grouped = { (number: Int64) in Figures.grouped(number) }
        return """
            <h2>The sums</h2><dl class="facts-list">\
            <div><dt>received \(grouped(totals.received))</dt><dd>= stored \(grouped(totals.stored)) + duplicate \(grouped(totals.duplicate)) + quarantined \(grouped(totals.quarantined))</dd></div>\
            <div><dt>outbox \(grouped(totals.outbox + totals.pruned))</dt><dd>= published \(grouped(totals.published)) + pending \(grouped(totals.pending)) + parked \(grouped(totals.parked)) + superseded \(grouped(totals.superseded))</dd></div></dl>
            \(totals.deletedByHand.map { "<p class=\"note\">deleted by hand: \($0)</p>" as HTML })
            """
    }

    private static func history(_ proofs: [Proofs.Proof]) -> HTML {
        guard proofs.count > 1 else { return .none }
        return "<h2>Before</h2>"
            + Table.html(
                caption: "Runs before", [.init("at"), .init("result"), .init("took", number: true)],
                proofs.dropFirst().map { proof in
                    [
                        "\(Figures.day(proof.at)) \(Figures.clock(proof.at, withSeconds: true))",
                        proof.holds
                            ? "<span class=\"state good\">all hold</span>"
                            : "<span class=\"state bad\">\(proof.verification == nil ? "not run" : "broken")</span>",
                        HTML(Figures.age(proof.seconds)),
                    ]
                }, empty: "")
    }
}
