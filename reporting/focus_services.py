"""The closed list of FOCUS service categories with their subcategories, and which service falls into which.

ServiceCategory comes from the ledger; ServiceSubcategory is named here by the service's name. A service that no
pattern knows is "Other (<category>)". Source: FOCUS 1.2, ServiceCategory and ServiceSubcategory.
"""

from __future__ import annotations

SUBCATEGORIES: dict[str, tuple[str, ...]] = {
    "AI and Machine Learning": ("AI Platforms", "Bots", "Generative AI", "Machine Learning", "Natural Language Processing"),
    "Analytics": ("Analytics Platforms", "Business Intelligence", "Data Processing", "Search", "Streaming Analytics"),
    "Business Applications": ("Productivity and Collaboration",),
    "Compute": ("Containers", "End User Computing", "Quantum Compute", "Serverless Compute", "Virtual Machines"),
    "Databases": ("Caching", "Data Warehouses", "Ledger Databases", "NoSQL Databases", "Relational Databases",
                  "Time Series Databases"),
    "Developer Tools": ("Developer Platforms", "Continuous Integration and Deployment", "Development Environments",
                        "Source Code Management", "Quality Assurance"),
    "Identity": ("Identity and Access Management",),
    "Integration": ("API Management", "Messaging", "Workflow Orchestration"),
    "Internet of Things": ("IoT Analytics", "IoT Platforms"),
    "Management and Governance": ("Architecture", "Compliance", "Cost Management", "Data Governance", "Disaster Recovery",
                                  "Endpoint Management", "Observability", "Support"),
    "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality"),
    "Migration": ("Data Migration", "Resource Migration"),
    "Mobile": (),
    "Multicloud": ("Multicloud Integration",),
    "Networking": ("Application Networking", "Content Delivery", "Network Connectivity", "Network Infrastructure",
                   "Network Routing", "Network Security"),
    "Security": ("Secret Management", "Security Posture Management", "Threat Detection and Response"),
    "Storage": ("Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms"),
    "Web": ("Application Platforms",),
    "Other": (),
}

PATTERNS: tuple[tuple[str, str], ...] = (
    ("sagemaker|vertex ai|ai platform|machine learning", "AI Platforms"),
    ("bedrock|openai|anthropic|gemini|claude|mistral|cohere|foundry", "Generative AI"),
    ("comprehend|translate|language", "Natural Language Processing"),
    ("lambda|functions|cloud run|serverless", "Serverless Compute"),
    ("kubernetes|eks|ecs|container|fargate|aks", "Containers"),
    ("workspaces|virtual desktop", "End User Computing"),
    ("ec2|elastic compute|compute engine|virtual machine|compute instance", "Virtual Machines"),
    ("backup|glacier|archive", "Backup Storage"),
    ("elastic block|ebs|managed disk|persistent disk|block", "Block Storage"),
    ("elastic file|efs|fsx|filestore|file", "File Storage"),
    ("s3|simple storage|cloud storage|blob|object", "Object Storage"),
    ("dynamo|cosmos|firestore|bigtable|nosql", "NoSQL Databases"),
    ("elasticache|memorystore|redis|cache", "Caching"),
    ("redshift|synapse|warehouse", "Data Warehouses"),
    ("rds|aurora|relational|sql|postgres", "Relational Databases"),
    ("athena|glue|mapreduce|emr|bigquery|databricks|dataflow", "Data Processing"),
    ("kinesis|stream|event hub", "Streaming Analytics"),
    ("opensearch|elasticsearch|search", "Search"),
    ("quicksight|looker|power bi", "Business Intelligence"),
    ("cloudfront|content delivery|cdn|front door", "Content Delivery"),
    ("route ?53|dns", "Network Routing"),
    ("firewall|waf|shield|ddos", "Network Security"),
    ("vpc|virtual private cloud|virtual network|nat|transfer|bandwidth|gateway|load balanc", "Network Infrastructure"),
    ("connect|vpn|interconnect", "Network Connectivity"),
    ("support", "Support"),
    ("cloudwatch|monitor|observab|datadog|logging|log analytics|xray", "Observability"),
    ("cost|billing|budget", "Cost Management"),
    ("config|compliance|audit|cloudtrail", "Compliance"),
    ("key management|secret|kms|key vault", "Secret Management"),
    ("guardduty|defender|threat", "Threat Detection and Response"),
    ("security hub|inspector", "Security Posture Management"),
    ("simple queue|simple notification|sqs|sns|pub/sub|messag|service bus", "Messaging"),
    ("api gateway|apigee|api management", "API Management"),
    ("step functions|workflow|logic apps", "Workflow Orchestration"),
    ("codebuild|codepipeline|pipelines|devops", "Continuous Integration and Deployment"),
    ("app service|amplify|app engine", "Application Platforms"),
    ("identity|cognito|active directory|entra", "Identity and Access Management"),
)


def other(category: str) -> str:
    """The catch-all subcategory of a category."""
    return f"Other ({category})"


def pairs_table() -> str:
    """Every legal pair as a SQL table `(category, subcategory)`."""
    pairs = [(category, name) for category, names in SUBCATEGORIES.items() for name in (*names, other(category))]
    return "(values " + ", ".join(f"('{category}', '{name}')" for category, name in pairs) + ") as pairs(category, subcategory)"


def patterns_table() -> str:
    """Which service names a subcategory takes, as a SQL table `(position, category, subcategory, pattern)`."""
    category_of = {name: category for category, names in SUBCATEGORIES.items() for name in names}
    rows = [
        f"({position}, '{category_of[name]}', '{name}', '{pattern}')" for position, (pattern, name) in enumerate(PATTERNS)
    ]
    return f"(values {', '.join(rows)}) as patterns(position, category, subcategory, pattern)"


def legal_category(column: str) -> str:
    """SQL: the category if it is on the list; the one it is a subcategory of ("Observability"); else "Other"."""
    legal = ", ".join(f"'{name}'" for name in SUBCATEGORIES)
    by_subcategory = " ".join(
        f"when '{name}' then '{category}'" for category, names in SUBCATEGORIES.items() for name in names
    )
    return f"case when {column} in ({legal}) then {column} else case {column} {by_subcategory} else 'Other' end end"
