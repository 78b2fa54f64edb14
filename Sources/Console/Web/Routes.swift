import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Outbox
import Postgres
import ProgramRuntime

/// A request, as pages need it.
struct Ask: Sendable {
    let fields: FormFields
    let parameters: Parameters
    let viewer: Viewer
    let seen: StatusFeed.Seen
    let readers: Readers
    /// The address that it comes from.
    let peer: String

    /// The same with other fields.
    func with(_ fields: FormFields) -> Ask {
        Ask(fields: fields, parameters: parameters, viewer: viewer, seen: seen, readers: readers, peer: peer)
    }

    /// A number in the path.
    /// - Throws: ``PageError``.
    func number(_ name: String) throws(PageError) -> Int64 {
        guard let text = parameters.get(name), let number = Int64(text) else {
            throw .notFound("there is no such page")
        }
        return number
    }
}

/// Which path leads to what.
struct Routes: Sendable {
    typealias PageMaker = @Sendable (Ask) async throws -> Page

    let feed: StatusFeed
    let readers: Readers
    let proofs: Proofs
    let sessions: Sessions
    /// nil where there is no operator's role.
    let acting: Acting?
    let settings: ConsoleSettings
    let readiness: Readiness
    let registry: PrometheusRegistry
    let logger: Logger

    func add(to router: Router<ConsoleContext>) {
        addAssets(to: router)
        router.get("/livez") { _, _ in Answer.text("ok") }
        router.get("/readyz") { [readiness] _, _ in
            let snapshot = readiness.snapshot
            return snapshot.isReady
                ? Answer.text("ready")
                : Answer.text(snapshot.missing(at: .now).joined(separator: "\n"), .serviceUnavailable)
        }
        router.get("/metrics") { [registry] request, _ in
            let (type, text) = registry.scrape(accept: request.headers[.accept] ?? "")
            return Answer.response(Array(text.utf8), type)
        }
        router.get("/live") { [feed] _, _ in LiveStream.response(feed) }
        page(router, "/", needsDatabase: false) { OverviewPage.page($0) }
        page(router, "/lanes") { LanesPage.page($0) }
        list(router, "/lanes", LanesPage.listing)
        page(router, "/markets", MarketsPage.page)
        list(router, "/markets", MarketsPage.listing)
        page(router, "/markets/:id", MarketPage.page)
        list(router, "/markets/:id/candles", MarketPage.listing)
        page(router, "/markets/:id/records", RecordsPage.page)
        list(router, "/markets/:id/records", RecordsPage.listing)
        page(router, "/kinds", KindsPage.page)
        list(router, "/kinds", KindsPage.listing)
        page(router, "/gaps", GapsPage.page)
        list(router, "/gaps", GapsPage.listing)
        page(router, "/events") { [settings] in try await EventsPage.page($0, settings) }
        list(router, "/events", EventsPage.listing)
        page(router, "/events/:id") { [settings] in try await EventPage.page(try $0.number("id"), $0, settings) }
        if settings.showsBodies {
            page(router, "/events/:id/body") { [logger] in try await EventBodyPage.page($0, logger) }
        }
        page(router, "/parked", ParkedPage.page)
        list(router, "/parked", ParkedPage.listing)
        page(router, "/conflicts", ConflictsPage.page)
        list(router, "/conflicts", ConflictsPage.listing)
        page(router, "/acts") { [acting] in try await ActsPage.page($0, works: acting?.works ?? []) }
        list(router, "/acts", ActsPage.listing)
        page(router, "/acts/:id", ActPage.page)
        page(router, "/verify") { [proofs] in try await VerifyPage.page($0, proofs) }
        list(router, "/verify") { [proofs] in try await VerifyPage.listing($0, proofs) }
        router.post("/verify") { [proofs] _, context in
            proofs.start(by: context.viewer.name)
            return Answer.seeOther("/verify")
        }
        router.post("/verify/stop") { [proofs] _, _ in
            proofs.stop()
            return Answer.seeOther("/verify")
        }
        page(router, "/system") { [settings] in try await SystemPage.page($0, settings: settings) }
        list(router, "/system", SystemPage.listing)
        addSignIn(to: router)
        if let acting { ActRoutes(routes: self, acting: acting).add(to: router) }
        page(router, "/**", needsDatabase: false) { _ in throw PageError.notFound("There is no such page.") }
        page(router, "/help", needsDatabase: false) { _ in HelpPage.page }
        page(router, "/quarantine", QuarantinePage.page)
        list(router, "/quarantine", QuarantinePage.listing)
        page(router, "/quarantine/:id", QuarantineMessagePage.page)
    }

    private func addSignIn(to router: Router<ConsoleContext>) {
        guard !settings.access.people.isEmpty else { return }
        page(router, "/sign-in", needsDatabase: false) { SignInPage.page($0) }
        router.post("/sign-in") { request, context in
            let ask = ask(request, context)
            do {
                let form = try await form(request)
                guard !sessions.isUnderAttack() else {
                    return answer(SignInPage.page(ask, problem: "Too many wrong tokens: try again in a minute."), ask)
                }
                guard let name = settings.access.name(by: form["token"] ?? "") else {
                    sessions.noteFailure()
                    logger.warning(
                        "sign-in with a wrong token", metadata: ["peer": "\(context.peer)"])
                    return answer(SignInPage.page(ask, problem: "Nobody has this token."), ask)
                }
                logger.info("signed in", metadata: ["name": "\(name)", "peer": "\(context.peer)"])
                var response = Answer.seeOther("/")
                response.headers[.setCookie] = Authentication.Cookie.field(sessions.begin(name), for: request)
                return response
            } catch {
                return failure(error, ask, isForm: true)
            }
        }
        router.post("/sign-out") { request, _ in
            if let secret = Authentication.Cookie.value(of: request) { sessions.end(secret) }
            var response = Answer.seeOther("/")
            response.headers[.setCookie] = Authentication.Cookie.field(nil, for: request)
            return response
        }
    }

    private func addAssets(to router: Router<ConsoleContext>) {
        let assets: [(String, [UInt8], String)] = [
            (Assets.stylePath, Assets.style, "text/css; charset=utf-8"),
            (Assets.scriptPath, Assets.script, "text/javascript; charset=utf-8"),
            ("/assets/icon.svg", Array(Assets.icon.utf8), "image/svg+xml"),
        ]
        for (path, bytes, type) in assets {
            router.get(RouterPath(path)) { _, _ in
                var response = Answer.response(bytes, type)
                response.headers[.cacheControl] = "public, max-age=31536000, immutable"
                return response
            }
        }
    }

    /// A page, or of one that is shown already the parts that change.
    func page(
        _ router: Router<ConsoleContext>, _ path: String, needsDatabase: Bool = true, _ make: @escaping PageMaker
    ) {
        router.get(RouterPath(path)) { request, context in
            let ask = ask(request, context)
            do {
                guard !needsDatabase || ask.seen.failure == nil else { throw Away() }
                return answer(try await make(ask), ask, request)
            } catch {
                return failure(error, ask)
            }
        }
    }

    /// The same list as JSON and CSV, page by page, and as NDJSON to its end.
    func list(
        _ router: Router<ConsoleContext>, _ path: String, _ read: @escaping @Sendable (Ask) async throws -> Listing
    ) {
        for (ending, format, type) in [
            ("json", ListingFormat.json, "application/json"), ("csv", .csv, "text/csv; charset=utf-8"),
        ] {
            router.get(RouterPath("\(path).\(ending)")) { request, context in
                let ask = ask(request, context)
                do {
                    return Answer.response(Array(try await read(ask).text(as: format).utf8), type)
                } catch {
                    let (status, sentence) = describe(error)
                    return Answer.text(sentence, status)
                }
            }
        }
        router.get(RouterPath("\(path).ndjson")) { request, context in
            let ask = ask(request, context)
            do {
                return LongListing(path: request.uri.path, first: try await read(ask), ask: ask, read: read).response
            } catch {
                let (status, sentence) = describe(error)
                return Answer.text(sentence, status)
            }
        }
    }

    func ask(_ request: Request, _ context: ConsoleContext) -> Ask {
        Ask(
            fields: FormFields(request.uri.query ?? ""), parameters: context.parameters, viewer: context.viewer,
            seen: feed.seen, readers: readers, peer: context.peer)
    }

    private func layout(_ ask: Ask) -> Layout {
        Layout(seen: ask.seen, viewer: ask.viewer, lastUnkept: proofs.unkept.first)
    }

    /// The fields of a form.
    /// - Throws: ``PageError`` for what is none, or too large.
    func form(_ request: Request) async throws(PageError) -> FormFields {
        guard request.headers[.contentType]?.hasPrefix("application/x-www-form-urlencoded") == true else {
            throw .wrong("This is no form.")
        }
        do {
            let body = try await request.body.collect(upTo: Self.mostFormBytes)
            return FormFields(String(decoding: body.readableBytesView, as: UTF8.self))
        } catch {
            throw PageError(status: .contentTooLarge, sentence: "This form is too large.")
        }
    }

    /// Three bytes for one, of the largest text that can be edited.
    private static let mostFormBytes = 3 * EditPage.mostBytes + 10_000

    func answer(_ page: Page, _ ask: Ask) -> Response { Answer.html(layout(ask).html(page)) }

    private func answer(_ page: Page, _ ask: Ask, _ request: Request) -> Response {
        let html = layout(ask).html(page)
        guard request.headers[Self.fragment] != nil else { return Answer.html(html) }
        let tag = Answer.tag(html.text)
        if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: [.eTag: tag]) }
        return Answer.html(html, tag: tag)
    }

    private static let fragment = HTTPField.Name("X-Fragment")!

    /// - Parameter isForm: what came was a form: asking for it again by itself would send it again.
    func failure(_ error: any Error, _ ask: Ask, isForm: Bool = false) -> Response {
        let (status, sentence) = describe(error)
        let mark: HTML = HTML.when(!isForm && status == .serviceUnavailable, " data-failed")
        let page = Page(
            place: .overview, title: status == .notFound ? "Not found" : "This page cannot be shown",
            body: "<p class=\"empty\"\(mark)>\(sentence)</p><p><a href=\"/\">To the overview</a></p>",
            isLive: !isForm && status == .serviceUnavailable)
        return Answer.html(layout(ask).html(page), status)
    }

    struct Away: Error {}

    private func describe(_ error: any Error) -> (HTTPResponse.Status, String) {
        switch error {
        case let error as PageError: return (error.status, error.sentence)
        case let error as CommandExit: return (.badRequest, error.description)
        case is Readers.TooMany: return (.serviceUnavailable, "too many pages are asked for at once: try again")
        case is Away: return (.serviceUnavailable, "The database is away. This page comes back when the database does.")
        case let error as PostgresError:
            if error.sqlstate == "57014" {
                return (.serviceUnavailable, "this took the database too long, and was stopped: ask for less")
            }
            logger.warning("a page could not be read", metadata: ["error": "\(error)"])
            return (.serviceUnavailable, "the database: \(error.message)")
        default:
            logger.error("a page could not be made", metadata: ["error": "\(error)"])
            return (.internalServerError, "\(error)")
        }
    }
}
