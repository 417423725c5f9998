// Start the page with what it was written with.

import { Explorer, byId } from "./explorer.js";

const explorer = new Explorer(JSON.parse(byId("given").textContent ?? "{}"));

Object.assign(window, { explorer });
