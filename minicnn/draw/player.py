"""The page that plays an animation in a browser."""

from string import Template

PLAYER = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { margin: 0; background: $ground; color: $ink; font: 1rem system-ui, sans-serif; }
img { display: block; width: 100%; height: auto; max-width: 1280px; }
form { display: flex; align-items: center; gap: 0.8rem; padding: 0.4rem 1rem; max-width: 1248px; }
button { font: inherit; width: 5rem; }
input { flex: 1; min-width: 0; }
output { width: 5rem; }
</style>
</head>
<body>
<img alt="$title">
<form>
<button type="button">Pause</button>
<input type="range" min="0" max="$last" value="0" aria-label="output">
<output></output>
</form>
<script>
const pictures = $sources;
const [image, button, slider, told] = ["img", "button", "input", "output"].map(name => document.querySelector(name));
let timer = null;
function show(n) {
  image.src = pictures[n];
  slider.value = n;
  told.textContent = (n + 1) + " of " + pictures.length;
}
function step() {
  const n = +slider.value, end = n == $last;
  timer = setTimeout(() => { show(end ? 0 : n + 1); step(); }, end ? $held * $pause : $pause);
}
function pause() {
  clearTimeout(timer);
  timer = null;
  button.textContent = "Play";
}
button.onclick = () => {
  if (timer) return pause();
  button.textContent = "Pause";
  step();
};
slider.oninput = () => { pause(); show(+slider.value); };
show(0);
step();
</script>
</body>
</html>
""")
