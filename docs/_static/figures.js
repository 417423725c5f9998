// How wide a picture is beside its height, for the style sheet; small ones stay as they are.
addEventListener("load", () => {
  for (const picture of document.querySelectorAll(".bd-article img"))
    if (picture.naturalWidth > 700) picture.style.setProperty("--aspect", picture.naturalWidth / picture.naturalHeight);
});
