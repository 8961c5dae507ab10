import { render } from "preact";
import "../shared/tokens.css";
import "../shared/chat.css";
import "./page.css";
import { Page } from "./Page";

const root = document.getElementById("app");
if (root) render(<Page />, root);
