/// Where people say who they are.
enum SignInPage {
    static func page(_ ask: Ask, problem: String? = nil) -> Page {
        let fault: HTML = problem.map { "<p class=\"banner bad\" role=\"alert\">\($0)</p>" } ?? .none
        return Page(
            place: .overview, title: "Sign in",
            body: """
                <div class="card">\(fault)<form method="post" action="/sign-in"><label class="block" for="token">Your token</label>\
                <input id="token" name="token" type="password" autocomplete="current-password" required size="40"> <button class="do">Sign in</button></form>
                <p class="note">Tokens are in the file of <code>CONSOLE_TOKENS_FILE</code>. What you do is recorded with your name.</p></div>
                """, isLive: false)
    }
}
