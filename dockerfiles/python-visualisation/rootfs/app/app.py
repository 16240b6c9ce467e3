import streamlit

streamlit.title("Nothing here yet")
streamlit.write("This is the base image of visualisations. Build an image from it that has its own `/app/app.py`.")
