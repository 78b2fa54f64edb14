import CoreMetrics
import HTTPTypes
import Hummingbird
import ProgramRuntime
import Synchronization

/// The console's metrics, made once; docs/metrics.md lists them.
final class ConsoleMetrics: Sendable {
    private let seconds = Timer(label: "candlepost_console_request_seconds")
    let statusQueries = Counter(label: "candlepost_console_status_queries_total")
    /// By page and status.
    private let requests = Mutex<[[String]: Counter]>([:])

    /// - Parameters:
    ///   - page: the route, as in `/markets/{id}`.
    ///   - isRead: whether somebody reads what comes: no probe, and none of the files that browsers keep.
    func answered(_ page: String, _ status: HTTPResponse.Status, in time: Duration, isRead: Bool) {
        let labels = [page, "\(status.code)"]
        let counter = requests.withLock { requests in
            if let known = requests[labels] { return known }
            let made = Counter(
                label: "candlepost_console_requests_total", dimensions: [("page", labels[0]), ("status", labels[1])])
            requests[labels] = made
            return made
        }
        counter.increment()
        if isRead { seconds.recordNanoseconds(Int64(time / .nanoseconds(1))) }
    }

    /// What each metric means, as Prometheus shows it.
    static let descriptions: [MetricDescription] = [
        MetricDescription(
            "candlepost_console_requests_total", .counter, "Requests that were answered, by page and status."),
        MetricDescription(
            "candlepost_console_request_seconds", .histogram,
            "From a request to the begin of its answer, of pages, lists and forms."),
        MetricDescription(
            "candlepost_console_status_queries_total", .counter,
            "Looks at the whole: one a second however many browsers look, one in ten seconds while none does."),
        MetricDescription("candlepost_console_browsers", .gauge, "Open pages that hear when there is something new."),
    ]
}

/// Counts what is asked for.
struct RequestCounts: RouterMiddleware {
    let metrics: ConsoleMetrics

    func handle(
        _ request: Request, context: ConsoleContext, next: (Request, ConsoleContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        let page = Self.page(context.endpointPath)
        metrics.answered(
            page, response.status, in: .now - start,
            isRead: !["/assets", "/live", "/livez", "/readyz", "/metrics"].contains(page))
        return response
    }

    /// The route's path; paths that lead nowhere are one, as there is no end to them.
    static func page(_ route: String?) -> String {
        guard let route, route.hasPrefix("/"), !route.contains("*") else { return "other" }
        return route.hasPrefix("/assets/") ? "/assets" : route
    }
}
