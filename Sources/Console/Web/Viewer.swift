import Hummingbird
import NIOCore

/// Who looks, and what he may do.
struct Viewer: Sendable, Equatable {
    /// The name he signed in by; nil for whoever is at this machine.
    var name: String?
    /// Whether there is a page to sign in at.
    var canSignIn = false
    /// Whether there are acts at all, for those who are known.
    var hasActs = false
    /// Whether he can sign out here.
    var isByCookie = false
    /// The session's token against forged requests; nil: not signed in.
    var forgeryToken: String?

    var mayAct: Bool { hasActs && forgeryToken != nil }
}

/// What is known of a request beside the request.
struct ConsoleContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The address of who asks.
    let peer: String
    var viewer = Viewer()

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress?.ipAddress ?? "unknown"
    }
}
