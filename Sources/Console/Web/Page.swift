/// What a page shows; the layout puts the rest around it.
struct Page: Sendable {
    /// The places of the navigation.
    enum Place: String, CaseIterable, Sendable {
        case overview = "Overview"
        case lanes = "Lanes and relays"
        case markets = "Markets"
        case events = "Events"
        case parked = "Parked"
        case quarantine = "Quarantine"
        case conflicts = "Conflicts"
        case acts = "Acts"
        case verify = "Verify"
        case system = "System"
        case help = "Help"

        var path: String {
            switch self {
            case .overview: "/"
            default: "/" + (rawValue.lowercased().split(separator: " ").first.map(String.init) ?? "")
            }
        }
        /// After `g`, the key that leads there.
        var key: String {
            switch self {
            case .conflicts: "c"
            case .parked: "p"
            case .help: "h"
            default: String(rawValue.prefix(1)).lowercased()
            }
        }
    }

    let place: Place
    let title: String
    let body: HTML
    /// Whether blocks of it change by themselves.
    var isLive = true
    /// The command that shows the same.
    var command: String?

    /// A block that the browser fetches anew when there is something new.
    static func live(_ name: String, _ html: HTML) -> HTML {
        "<section id=\"live-\(name)\" data-live>\(html)</section>"
    }
}
