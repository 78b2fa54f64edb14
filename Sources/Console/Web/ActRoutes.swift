import HTTPTypes
import Hummingbird
import Outbox
import Postgres
import ProgramRuntime
import Quarantine

/// The routes that change something. They are there only where an operator's role is.
struct ActRoutes: Sendable {
    let routes: Routes
    let acting: Acting

    func add(to router: Router<ConsoleContext>) {
        routes.page(router, "/acts/new") { try ActingPages.new($0) }
        routes.page(router, "/acts/plan/:plan") { ask in
            guard ask.viewer.mayAct else { throw PageError(status: .forbidden, sentence: "Sign in to act.") }
            guard let plan = ask.parameters.get("plan").flatMap({ acting.plan($0) }) else {
                throw PageError.notFound("This was done already, or is older than an hour: count again.")
            }
            return ActingPages.plan(plan, ask)
        }
        routes.page(router, "/works/:work") { ask in
            guard let work = ask.parameters.get("work").flatMap({ acting.work($0) }) else {
                throw PageError.notFound("This console knows of no such act: all are in the list of acts.")
            }
            return ActingPages.work(work, ask)
        }
        post(router, "/acts/plan") { form, ask, _, name in
            guard let kind = form["act"].flatMap(ActKind.init) else { throw PageError.wrong("There is no such act.") }
            guard !kind.publishes || acting.settings.broker != nil else {
                throw PageError.wrong("This console has no AMQP_URL, by which rows are published.")
            }
            let plan = try await acting.plan(kind, form.with("token", nil).with("act", nil), by: name)
            return Answer.seeOther("/acts/plan/\(plan.id)")
        }
        post(router, "/acts/plan/:plan") { form, ask, peer, name in
            guard let plan = ask.parameters.get("plan").flatMap({ acting.plan($0) }), plan.name == name else {
                throw PageError.notFound("This was done already, or is older than an hour: count again.")
            }
            let problem = Self.problem(form, plan)
            if let problem { return routes.answer(ActingPages.plan(plan, ask, problem: problem), ask) }
            acting.begin(plan, why: form["why"] ?? "", actor: Self.actor(name, peer))
            return Answer.seeOther("/works/\(plan.id)")
        }
        post(router, "/works/:work/stop") { _, ask, _, _ in
            let id = ask.parameters.get("work") ?? ""
            acting.stop(id)
            return Answer.seeOther("/works/\(id)")
        }
        post(router, "/acts/:id/continue") { _, ask, _, name in
            let id = try ask.number("id")
            let count = try await ask.readers.with { connection in
                let rows = try await connection.execute(
                    "SELECT rows - done FROM outbox_acts WHERE id = $1 AND act = 'replayed' AND ended_at IS NULL",
                    [.int8(id)])
                return rows.count == 1 ? Int(try rows[0].int8(0)) : nil
            }
            guard let count else { throw PageError.wrong("Act \(id) cannot go on: it has ended, or is no replay.") }
            return Answer.seeOther("/works/\(acting.goOn(with: id, count: count, by: name))")
        }
        addEdit(to: router)
    }

    private static func problem(_ form: FormFields, _ plan: ActPlan) -> String? {
        if form["why"]?.contains(where: { !$0.isWhitespace }) != true { return "Say why: it is kept with your name." }
        if plan.count >= ActPlan.many, form["number"].map({ $0.filter(\.isNumber) }) != "\(plan.count)" {
            return "Type the number of \(plan.kind.unit), \(Figures.grouped(plan.count)), to go on."
        }
        return nil
    }

    /// Who it is, for the record; the server adds the role.
    static func actor(_ name: String, _ peer: String) -> String { "\(name), by the console, from \(peer)" }

    // MARK: editing

    private func addEdit(to router: Router<ConsoleContext>) {
        routes.page(router, "/quarantine/:id/edit") { ask in
            guard ask.viewer.mayAct else { throw PageError(status: .forbidden, sentence: "Sign in to act.") }
            let id = try ask.number("id")
            return try EditPage.page(try await ask.readers.with { try await EditPage.read(id, $0) }, ask)
        }
        post(router, "/quarantine/:id/edit") { form, ask, peer, name in
            let id = try ask.number("id")
            let message = try await ask.readers.with { try await EditPage.read(id, $0) }
            // Forms end lines as the network does.
            let text = (form["body"] ?? "").replacing("\r\n", with: "\n")
            let body = Array(text.utf8)
            let limit = acting.settings.maximumMessageBytes
            let outcome = try await ask.readers.with {
                try await QuarantineTrial.run(body, queue: message.queue, maximumBytes: limit, $0)
            }
            let show = { (problem: String?) throws in
                routes.answer(
                    try EditPage.page(
                        message, text: text, outcome: outcome, why: form["why"] ?? "", problem: problem, ask), ask)
            }
            guard form["do"] == "save" else { return try show(nil) }
            guard let why = form["why"] else { return try show("Say why: it is kept with your name.") }
            guard form["was"] == Answer.tag(String(decoding: message.body, as: UTF8.self)) else {
                return try show("Somebody else has changed this message meanwhile: look at it again.")
            }
            let isSaved = try await acting.withConnection {
                try await QuarantineEdit.run(
                    id, body: body, before: message.body, actedBy: Self.actor(name, peer), why: why, $0)
            }
            guard isSaved else {
                return try show("Somebody else has changed this message meanwhile: look at it again.")
            }
            return Answer.seeOther("/quarantine/\(id)")
        }
    }

    /// A form of somebody who is known, sent from one of his own pages.
    private func post(
        _ router: Router<ConsoleContext>, _ path: String,
        _ act: @escaping @Sendable (FormFields, Ask, _ peer: String, _ name: String) async throws -> Response
    ) {
        router.post(RouterPath(path)) { request, context in
            let ask = routes.ask(request, context)
            do {
                let form = try await routes.form(request)
                guard let name = ask.viewer.name, let token = ask.viewer.forgeryToken, ask.viewer.mayAct else {
                    throw PageError(status: .forbidden, sentence: "Sign in to act.")
                }
                guard let given = form["token"], SecretText.areEqual(token, given) else {
                    throw PageError(
                        status: .forbidden, sentence: "This form is not of this session: load the page again.")
                }
                return try await act(form, ask, context.peer, name)
            } catch {
                return routes.failure(error, ask, isForm: true)
            }
        }
    }
}
