# Plan plan-1 of sgtrim: rules that go. Apply once with this file, so that Terraform knows them; delete it and apply again,
# and they are gone.

# c-1 proposed narrow-ports of sg-0 g: nothing seen needs more
# tcp 0-999 10.0.0.0/16 goes
import {
  to = aws_vpc_security_group_egress_rule.sgr_000
  id = "sgr-000"
}
resource "aws_vpc_security_group_egress_rule" "sgr_000" {
  security_group_id = "sg-0"
  ip_protocol       = "tcp"
  from_port         = 0
  to_port           = 999
  cidr_ipv4         = "10.0.0.0/16"
  description       = "d0"
}

# c-4 proposed narrow-ports of sg-1 g: nothing seen needs more
# tcp 1000-1999 10.1.0.0/16 goes
import {
  to = aws_vpc_security_group_ingress_rule.sgr_101
  id = "sgr-101"
}
resource "aws_vpc_security_group_ingress_rule" "sgr_101" {
  security_group_id = "sg-1"
  ip_protocol       = "tcp"
  from_port         = 1000
  to_port           = 1999
  cidr_ipv4         = "10.1.0.0/16"
  description       = "d1"
}

# c-5 proposed narrow-ports of sg-1 g: nothing seen needs more
# tcp 2000-2999 10.1.0.0/16 becomes tcp 2007 sg-1
import {
  to = aws_vpc_security_group_ingress_rule.sgr_102
  id = "sgr-102"
}
resource "aws_vpc_security_group_ingress_rule" "sgr_102" {
  security_group_id = "sg-1"
  ip_protocol       = "tcp"
  from_port         = 2000
  to_port           = 2999
  cidr_ipv4         = "10.1.0.0/16"
  description       = "d2"
}

# c-6 proposed narrow-ports of sg-1 g: nothing seen needs more
# tcp 3000-3999 10.1.0.0/16 becomes tcp 3008 pl-1
import {
  to = aws_vpc_security_group_egress_rule.sgr_103
  id = "sgr-103"
}
resource "aws_vpc_security_group_egress_rule" "sgr_103" {
  security_group_id = "sg-1"
  ip_protocol       = "tcp"
  from_port         = 3000
  to_port           = 3999
  cidr_ipv4         = "10.1.0.0/16"
  description       = "d3"
}
