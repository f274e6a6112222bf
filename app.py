"""Streamlit entry: `streamlit run app.py`; `evidence app` starts it with safe options."""

from evidence.app.main import main

main()
