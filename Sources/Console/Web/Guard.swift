import Glibc
import HTTPTypes
import Hummingbird

/// Stands before every route: whom the request is for, where it comes from, and what browsers may do with the answer.
struct Guard: RouterMiddleware {
    /// Names by which browsers may ask for the pages, beside numeric addresses.
    let hosts: Set<String>

    func handle(
        _ request: Request, context: ConsoleContext, next: (Request, ConsoleContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        if let refusal = refusal(of: request) {
            response = refusal
        } else {
            do {
                response = try await next(request, context)
            } catch let error as any HTTPResponseError {
                response = Answer.text(error.status == .notFound ? "not found" : "\(error.status)", error.status)
            }
        }
        for (name, value) in Self.fields where response.headers[name] == nil { response.headers[name] = value }
        return response
    }

    private func refusal(of request: Request) -> Response? {
        // A page of elsewhere, whose name leads here by DNS, asks for that name.
        guard let host = Self.host(of: request), isOurs(host) else {
            return Answer.text(
                "this address answers to numeric addresses, localhost and the names of CONSOLE_HOSTS",
                .misdirectedRequest)
        }
        guard [.get, .head, .post].contains(request.method) else {
            return Answer.text("only GET, HEAD and POST", .methodNotAllowed)
        }
        guard request.method != .post || Self.isFromHere(request) else {
            return Answer.text("this form was sent from another page: sign in here, and send it again", .forbidden)
        }
        return nil
    }

    private func isOurs(_ host: String) -> Bool {
        let name = Self.withoutPort(host).lowercased()
        return hosts.contains(name) || Self.isNumeric(name)
    }

    /// Browsers say where a form comes from; one that says nothing at all is no browser of these years.
    static func isFromHere(_ request: Request) -> Bool {
        if let site = request.headers[HTTPField.Name("Sec-Fetch-Site")!], site != "same-origin" { return false }
        guard let origin = request.headers[.origin], let host = host(of: request) else { return false }
        return origin.lowercased() == "http://\(host)".lowercased()
            || origin.lowercased() == "https://\(host)".lowercased()
    }

    private static func host(of request: Request) -> String? {
        request.head.authority ?? request.headers[HTTPField.Name("Host")!]
    }

    static func withoutPort(_ host: String) -> String {
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return String(host.prefix { $0 != ":" })
    }

    static func isNumeric(_ host: String) -> Bool {
        var address = in6_addr()
        if host.hasPrefix("["), host.hasSuffix("]") {
            return inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &address) == 1
        }
        return inet_pton(AF_INET, host, &address) == 1
    }

    /// Nothing but this program's own style and script runs in its pages, and no other page sees or frames them.
    private static let fields: [(HTTPField.Name, String)] = [
        (
            .contentSecurityPolicy,
            """
            default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
            base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types console
            """
        ),
        (.xContentTypeOptions, "nosniff"), (HTTPField.Name("Referrer-Policy")!, "same-origin"),
        (HTTPField.Name("Cross-Origin-Opener-Policy")!, "same-origin"),
        (HTTPField.Name("Cross-Origin-Resource-Policy")!, "same-origin"),
        (HTTPField.Name("X-Frame-Options")!, "DENY"),
        (HTTPField.Name("Permissions-Policy")!, "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        (.cacheControl, "no-store"),
    ]
}
