import HTTPTypes
import Hummingbird
import ProgramRuntime

/// Finds out who asks. From other machines nothing is answered to people who are not known.
struct Authentication: RouterMiddleware {
    let access: Access
    let sessions: Sessions
    /// Whether reading, too, needs somebody who is known.
    let isReachable: Bool
    /// Whether there is anything to do for those who are.
    let hasActs: Bool
    /// What a caller from another machine presents to read the metrics, beside people who have signed in; nil: nothing is enough.
    let metricsToken: String?

    func handle(
        _ request: Request, context: ConsoleContext, next: (Request, ConsoleContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.viewer = viewer(of: request)
        let isOpen =
            ["/livez", "/readyz", "/sign-in"].contains(request.uri.path) || request.uri.path.hasPrefix("/assets/")
        guard context.viewer.name != nil || isOpen || !isReachable || isScraper(request) else {
            if request.uri.path == "/metrics" {
                let hint = metricsToken == nil ? "set CONSOLE_HTTP_TOKEN" : "the bearer token is missing or wrong"
                return Answer.text("from other machines metrics need a token: \(hint)", .unauthorized)
            }
            guard request.method == .get, request.headers[.accept]?.contains("text/html") == true else {
                return Answer.text("sign in at /sign-in", .unauthorized)
            }
            return Answer.seeOther("/sign-in")
        }
        return try await next(request, context)
    }

    private func isScraper(_ request: Request) -> Bool {
        guard request.uri.path == "/metrics", let metricsToken, let given = request.headers[.authorization] else {
            return false
        }
        return SecretText.areEqual("Bearer \(metricsToken)", given)
    }

    private func viewer(of request: Request) -> Viewer {
        var viewer = Viewer(canSignIn: !access.people.isEmpty && (hasActs || isReachable))
        if let proxy = access.proxy, let secret = request.headers[Self.secret],
            SecretText.areEqual(proxy.secret, secret), let header = HTTPField.Name(proxy.header),
            let name = request.headers[header], !name.isEmpty
        {
            viewer.name = SafeText.oneLine(name, limit: 64)
            viewer.forgeryToken = sessions.forgeryToken(of: viewer.name ?? "")
        } else if let session = Cookie.value(of: request).flatMap({ sessions.find($0) }) {
            viewer.name = session.name
            viewer.forgeryToken = session.forgeryToken
            viewer.isByCookie = true
        }
        viewer.hasActs = hasActs
        return viewer
    }

    private static let secret = HTTPField.Name("X-Candlepost-Secret")!

    /// The session's cookie. By TLS it has a name that browsers let no other site and no plain page set.
    enum Cookie {
        private static let secure = "__Host-candlepost"
        private static let plain = "candlepost"

        static func value(of request: Request) -> String? {
            var values: [String: String] = [:]
            for field in request.headers[values: .cookie] {
                for part in field.split(separator: ";") {
                    let sides = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1).map(String.init)
                    if sides.count == 2 { values[sides[0]] = sides[1] }
                }
            }
            return values[secure] ?? values[plain]
        }

        /// - Parameter secret: nil ends the session.
        static func field(_ secret: String?, for request: Request) -> String {
            let isSecure = request.headers[.origin]?.hasPrefix("https://") == true
            let end = secret == nil ? "; Max-Age=0" : ""
            return "\(isSecure ? Self.secure : Self.plain)=\(secret ?? ""); Path=/; HttpOnly; SameSite=Strict"
                + (isSecure ? "; Secure" : "") + end
        }
    }
}
