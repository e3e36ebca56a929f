# Plan plan-1 of sgtrim, for account 123456789012 in eu-west-1.
#
# Apply this with sgtrim-remove.tf, where there is one, beside it: rules are imported, narrowed in place or added. Then delete
# sgtrim-remove.tf and apply again: the old rules go. apply.sh does the same for rules that nobody manages: use one of the two.

# ---- Managed by nobody: Terraform takes them over ----

# c-5 proposed narrow-ports of sg-1 g: nothing seen needs more
# tcp 2000-2999 10.1.0.0/16 becomes tcp 2007 sg-1
resource "aws_vpc_security_group_ingress_rule" "c_5_1" {
  security_group_id            = "sg-1"
  ip_protocol                  = "tcp"
  from_port                    = 2007
  to_port                      = 2007
  referenced_security_group_id = "sg-1"
  description                  = "d2 (sgtrim plan-1)"
  tags = {
    "sgtrim:plan" = "plan-1"
  }
}

# c-6 proposed narrow-ports of sg-1 g: nothing seen needs more
# tcp 3000-3999 10.1.0.0/16 becomes tcp 3008 pl-1
resource "aws_vpc_security_group_egress_rule" "c_6_1" {
  security_group_id = "sg-1"
  ip_protocol       = "tcp"
  from_port         = 3008
  to_port           = 3008
  prefix_list_id    = "pl-1"
  description       = "d3 (sgtrim plan-1)"
  tags = {
    "sgtrim:plan" = "plan-1"
  }
}

# ---- Not here ----
# c-2 held narrow-ports of sg-0 g: tcp 1000-1999 10.0.0.0/16 goes
# c-3 review narrow-ports of sg-1 g: tcp 0-999 10.1.0.0/16 becomes tcp 1 10.1.0.0/16; tcp 2 10.1.0.0/16
# c-7 review narrow-ports of sg-1 g: tcp 4000-4999 10.1.0.0/16 becomes tcp 4001 10.1.0.0/16
# c-8 review narrow-ports of sg-1 g: tcp 5000-5999 10.1.0.0/16 becomes tcp 5008 pl-1
