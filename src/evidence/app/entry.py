"""What Streamlit runs."""

from evidence.app.main import main

main()
