// The chat in a page of another site:
//   <script src="https://policy.example/widget.js" data-language="ko" async></script>
// data-language: zh, en or ko, else that of the page; data-side: left or right (of the window).
// `document.querySelector("policy-chat").open(question)` opens it from a link of the page's own.
(() => {
  const texts = /*TEXTS*/ {};
  const script = document.currentScript;
  const base = new URL(".", script.src);

  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000;
      font: 16px/1.4 system-ui, sans-serif; color-scheme: light dark; }
    :host([side="left"]) { inset-inline: 20px auto; }
    button { font: inherit; cursor: pointer; }
    button:focus-visible { outline: 3px solid #7fc4e8; outline-offset: 2px; }
    .open { min-height: 48px; border: 0; border-radius: 24px; padding: 0 20px; color: #fff; background: #0b5a82;
      box-shadow: 0 4px 16px rgb(24 34 44 / 25%); }
    .panel { position: absolute; inset-block-end: 60px; inset-inline-end: 0; display: flex; flex-direction: column;
      width: min(420px, calc(100vw - 40px)); height: min(680px, calc(100vh - 100px)); overflow: hidden;
      border: 1px solid #8a97a3; border-radius: 12px; background: Canvas; box-shadow: 0 8px 32px rgb(24 34 44 / 30%); }
    :host([side="left"]) .panel { inset-inline: 0 auto; }
    .panel[hidden] { display: none; }
    .bar { display: flex; justify-content: space-between; align-items: center; padding: 0 4px 0 16px;
      color: #fff; background: #0b5a82; }
    .bar p { margin: 0; font-weight: 600; }
    .close { width: 44px; height: 44px; border: 0; color: inherit; background: none; font-size: 22px; }
    iframe { flex: 1; width: 100%; border: 0; }
    @media (max-width: 480px) {
      .panel { position: fixed; inset: 0; width: auto; height: auto; border: 0; border-radius: 0; }
      :host([side="left"]) .panel { inset: 0; }
    }
    @media print { :host { display: none; } }
  `);

  class PolicyChat extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      const known = [this.getAttribute("language"), document.documentElement.lang, ...navigator.languages];
      this.language = known.map((tag) => tag?.slice(0, 2).toLowerCase()).find((code) => code in texts) ?? "en";
      const words = texts[this.language];
      const shadow = this.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [style];
      shadow.innerHTML =
        '<div class="panel" id="panel" role="dialog" hidden><div class="bar"><p></p>' +
        '<button type="button" class="close"><span aria-hidden="true">×</span></button></div></div>' +
        '<button type="button" class="open" aria-haspopup="dialog" aria-expanded="false" aria-controls="panel"></button>';
      this.lang = words.tag;
      this.panel = shadow.querySelector(".panel");
      this.button = shadow.querySelector(".open");
      this.panel.setAttribute("aria-label", words.name);
      shadow.querySelector(".bar p").textContent = words.name;
      shadow.querySelector(".close").setAttribute("aria-label", words.close);
      this.button.textContent = words.open;
      this.button.addEventListener("click", () => (this.panel.hidden ? this.open() : this.close()));
      shadow.querySelector(".close").addEventListener("click", () => this.close());
      shadow.addEventListener("keydown", ({ key }) => key === "Escape" && this.close());
    }

    // The chat is loaded when it is opened for the first time.
    open(question = "") {
      if (!this.frame || question) {
        this.frame?.remove();
        this.frame = document.createElement("iframe");
        const address = new URL("./", base);
        address.search = new URLSearchParams({ embedded: "", language: this.language });
        if (question) address.hash = new URLSearchParams({ q: question });
        this.frame.title = texts[this.language].name;
        this.frame.allow = "clipboard-write";
        this.frame.src = address;
        this.panel.append(this.frame);
      }
      this.panel.hidden = false;
      this.button.setAttribute("aria-expanded", "true");
      this.frame.focus();
    }

    close() {
      if (this.panel.hidden) return;
      this.panel.hidden = true;
      this.button.setAttribute("aria-expanded", "false");
      this.button.focus();
    }
  }

  if (!customElements.get("policy-chat")) customElements.define("policy-chat", PolicyChat);
  const add = () => {
    const chat = document.createElement("policy-chat");
    if (script.dataset.language) chat.setAttribute("language", script.dataset.language);
    if (script.dataset.side) chat.setAttribute("side", script.dataset.side);
    document.body.append(chat);
  };
  document.body ? add() : addEventListener("DOMContentLoaded", add);
})();
