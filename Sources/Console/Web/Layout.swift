import Candlepost
import Outbox

/// The frame of all pages.
struct Layout: Sendable {
    let seen: StatusFeed.Seen
    let viewer: Viewer
    /// Of the runs of verify that only this console knows, the last one.
    let lastUnkept: Proofs.Proof?

    func html(_ page: Page) -> HTML {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8">
        <title>\(page.title) · Candlepost</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="\(Assets.stylePath)">
        <script type="module" src="\(Assets.scriptPath)"></script>
        \(HTML.when(page.isLive, "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"))
        </head><body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="top"><a class="brand" href="/">\(Self.mark)<span>Candlepost</span></a>
        \(facts)
        <div class="tools">\(person)<button type="button" class="quiet" id="theme" hidden>Theme</button></div></header>
        <nav aria-label="Pages"><ul>\(Page.Place.allCases.map { link($0, page.place) })</ul></nav>
        <main id="main" tabindex="-1">\(banner)
        <div class="title"><h1>\(page.title)</h1>\(command(page.command))</div>
        \(page.body)</main>
        <footer>candlepost \(Version.current) · times are <span id="zone">UTC</span> <button type="button" class="quiet" id="clock" hidden></button> · <a href="/help">help and keys</a></footer>
        </body></html>
        """
    }

    private func link(_ place: Page.Place, _ current: Page.Place) -> HTML {
        let isHere: HTML = place == current ? " aria-current=\"page\"" : .none
        return """
            <li><a href="\(place.path)"\(isHere) data-key="\(place.key)">\(place.rawValue)\(count(place))</a></li>
            """
    }

    /// What waits for somebody there.
    private func count(_ place: Page.Place) -> HTML {
        guard let overview = seen.overview else { return .none }
        let number: Int64
        switch place {
        case .parked: number = overview.parked
        case .quarantine: number = overview.inQuarantine
        case .acts: number = overview.openActs
        default: return .none
        }
        return HTML.when(
            number > 0,
            " <span class=\"count\">\(Figures.rough(Double(number)))<span class=\"hidden\"> open</span></span>")
    }

    /// The facts that stand on every page.
    private var facts: HTML {
        guard seen.failure == nil, let overview = seen.overview else {
            return Page.live("facts", "<p class=\"facts\"><span class=\"state bad\">database away</span></p>")
        }
        let pending = "\(Figures.grouped(overview.pending))\(overview.isExact ? "" : "+")"
        return Page.live(
            "facts",
            """
            <p class="facts"><span><b>\(Figures.rough(overview.flow.rate(\.announced)))</b>/s announced</span>
            <span><b>\(pending)</b> pending</span><span><b>\(Figures.age(Double(overview.oldest)))</b> behind</span></p>
            """)
    }

    private var person: HTML {
        guard let name = viewer.name else {
            return HTML.when(viewer.canSignIn, "<a href=\"/sign-in\">Sign in</a>")
        }
        let out: HTML = "<form method=\"post\" action=\"/sign-out\"><button class=\"quiet\">Sign out</button></form>"
        return "<span>\(name)</span>\(HTML.when(viewer.isByCookie, out))"
    }

    /// Whether the last run of verify found a promise broken.
    private var isBroken: Bool {
        let kept = seen.overview?.verified
        if let own = lastUnkept, own.failure == nil, own.at >= kept?.at ?? 0 { return !own.holds }
        return kept?.holds == false
    }

    private var banner: HTML {
        let broken: HTML = """
            <p class="banner bad" role="status"><strong>The last verification found promises broken.</strong> <a href="/verify">See which</a></p>
            """
        guard let failure = seen.failure else { return Page.live("banner", HTML.when(isBroken, broken)) }
        return Page.live(
            "banner",
            """
            <p class="banner bad" role="status"><strong>The database is away.</strong> What stands here is what was seen last. \(failure)</p>
            """)
    }

    private func command(_ command: String?) -> HTML {
        guard let command else { return .none }
        return """
            <div class="command"><span class="hidden">The same by command: </span><code>\(command)</code>\
            <button type="button" class="quiet copy" hidden data-copy="\(command)">Copy</button></div>
            """
    }

    private static let mark: HTML = """
        <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path class="wick" d="M7 3v18M17 2v16"/>\
        <rect class="up" x="4" y="7" width="6" height="10" rx="1.5"/><rect class="down" x="14" y="5" width="6" height="9" rx="1.5"/></svg>
        """
}
