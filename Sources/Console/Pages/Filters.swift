import ArgumentParser
import Candlepost
import Outbox
import ProgramRuntime
import Quarantine
import Records

/// The flags of the commands, from the fields of a form: one grammar for both.
enum Filters {
    static let outbox = ["market", "symbol", "exchange", "kind", "state", "trace", "since", "until"]
    private static let quarantine = ["refused", "queue", "market", "since", "until"]

    /// - Throws: ``PageError`` with the sentence that the command would say.
    static func outbox(_ fields: FormFields) throws(PageError) -> OutboxFilter { try parse(words(outbox, fields)) }

    /// - Throws: as ``outbox(_:)``.
    static func limited(_ fields: FormFields) throws(PageError) -> LimitedFilter {
        try parse(words(outbox, fields) + (fields["limit"].map { ["--limit=\($0)"] } ?? []))
    }

    /// - Throws: as ``outbox(_:)``.
    static func quarantine(_ fields: FormFields) throws(PageError) -> QuarantineFilter {
        try parse(words(quarantine, fields))
    }

    /// - Throws: as ``outbox(_:)``.
    static func gaps(_ fields: FormFields) throws(PageError) -> MissingIntervals.Filter {
        try parse(words(["kind", "since", "until", "market", "interval"], fields))
    }

    private static func words(_ names: [String], _ fields: FormFields) -> [String] {
        let ids = fields.all("id").flatMap { $0.split { ", ".contains($0) } }.map { "--id=\($0)" }
        return ids + names.compactMap { name in fields[name].map { "--\(name)=\($0)" } }
    }

    private static func parse<Filter: ParsableArguments>(_ words: [String]) throws(PageError) -> Filter {
        do {
            return try Filter.parse(words)
        } catch {
            throw .wrong(Filter.message(for: error))
        }
    }

    /// A field of a search form.
    static func field(_ name: String, _ fields: FormFields, size: Int, hint: String = "", label: String? = nil) -> HTML
    {
        """
        <label>\(label ?? name) <input name="\(name)" size="\(size)" placeholder="\(hint)" value="\(fields[name] ?? "")" autocomplete="off"></label>
        """
    }

    /// A choice of a search form, with `any` before it.
    static func choice(_ name: String, _ values: [String], _ fields: FormFields) -> HTML {
        let options = values.map { value in
            let isChosen: HTML = fields[name] == value ? " selected" : .none
            return "<option\(isChosen)>\(value)</option>" as HTML
        }
        return "<label>\(name) <select name=\"\(name)\"><option value=\"\">any</option>\(options)</select></label>"
    }

    static let reasons = Refusal.Reason.allCases.map(\.rawValue)
    static var kinds: [String] { RecordKind.all.map(\.name) }
    static let states = OutboxFilter.State.allCases.map(\.rawValue)
}
