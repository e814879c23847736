"""What runs beside a model that scores files: it needs a Python with MLflow and pyarrow, and nothing of Modelyard."""
